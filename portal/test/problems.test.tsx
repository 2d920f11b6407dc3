// @vitest-environment jsdom
import { screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { Problem } from "../src/api/problem.ts";
import ErrorPage from "../src/app/error.tsx";
import NotFoundPage from "../src/app/not-found.tsx";
import { ProblemBar } from "../src/shell/problem-bar.tsx";
import { showPage } from "./support/show-page.tsx";

test("a fault of the portal's own code goes to the console, and whoever sees the page can try again", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const fault = new TypeError("cannot read properties of undefined");
  const reset = vi.fn();
  showPage(<ErrorPage error={fault} reset={reset} />);
  screen.getByRole("heading", { name: "A fault of the portal" });
  screen.getByText(/This page could not be shown/);
  expect(screen.queryByText(/cannot read/)).toBeNull();
  expect(log).toHaveBeenCalledWith(fault);
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(reset).toHaveBeenCalledOnce();
});

test("an address that is no page's leads home", () => {
  showPage(<NotFoundPage />);
  expect(screen.getByRole("link", { name: "Go to Home" }).getAttribute("href")).toBe("/");
});

test.each([
  [new Problem(0, "NoAnswer", "no answer", ""), "The service does not answer."],
  [new Problem(502, "UnexpectedAnswer", "answer of status 502", "c2"), "The service answered 502."],
  [new Problem(409, "Conflict", "Somebody was faster.", "c3"), "Somebody was faster."],
])("%s is said in the portal's language where the portal found it, and in the API's words else", (problem, text) => {
  showPage(<ProblemBar error={problem} />);
  screen.getByText(text, { exact: false });
});
