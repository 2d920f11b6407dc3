// @vitest-environment jsdom
import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { OnDemand } from "../src/shell/on-demand.tsx";
import { showPage } from "./support/show-page.tsx";

test("a part is shown as soon as its code is there", async () => {
  const load = async () => (properties: { name: string }) => <p>Hello {properties.name}</p>;
  showPage(<OnDemand load={load}>{Part => <Part name="Dana" />}</OnDemand>);
  await screen.findByText("Hello Dana");
});

test("code that can not be had is told, with a way to try again", async () => {
  const load = () => Promise.reject(new Error("chunk 7 of module x"));
  showPage(<OnDemand load={load}>{() => null}</OnDemand>);
  await screen.findByText(/A part of the portal could not be loaded/);
  screen.getByRole("button", { name: "Try again" });
  expect(screen.queryByText(/chunk/)).toBeNull();
});
