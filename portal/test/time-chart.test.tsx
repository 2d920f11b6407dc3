// @vitest-environment jsdom
import { screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { createIntl } from "react-intl";
import { expect, test } from "vitest";
import { formatBytes } from "../src/charts/format-bytes.ts";
import { TimeChart } from "../src/charts/time-chart.tsx";
import { divide } from "../src/charts/time-range.ts";
import { showPage } from "./support/show-page.tsx";

const bars = divide("hour", Date.parse("2026-11-22T10:59:30Z"));

function counted(id: string, label: string, at: Readonly<Record<number, number>>) {
  return { id, label, values: bars.starts.map((_, index) => at[index] ?? 0) };
}

function show() {
  const series = [counted("a", "Admitted", { 0: 1000, 59: 500 }), counted("b", "Denied", { 59: 1 })];
  showPage(<TimeChart title="gates.title" bars={bars} series={series} format={String} />);
}

test("each series is a picture that says its name, its sum and its peak", () => {
  show();
  screen.getByRole("img", { name: "Admitted: 1500 in all, at most 1000 at 10:00 AM" });
  screen.getByRole("img", { name: "Denied: 1 in all, at most 1 at 10:59 AM" });
  screen.getByText("Full height: 1000 in a minute");
});

test("all rows have one scale, and what is least can be seen", () => {
  show();
  const heights = (name: RegExp) =>
    [...screen.getByRole("img", { name }).querySelectorAll("g > rect:last-of-type")].map(bar =>
      Number(bar.getAttribute("height")),
    );
  expect(heights(/^Admitted/).filter(height => height > 0)).toEqual([100, 50]);
  expect(heights(/^Denied/).filter(height => height > 0)).toEqual([4]);
});

test("the same is there as a table, for whom a picture is nothing", async () => {
  show();
  expect(screen.queryByRole("table")).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "The same as a table" }));
  const rows = within(screen.getByRole("table", { name: "Gates" })).getAllByRole("row");
  expect(rows.map(row => [...row.children].map(cell => cell.textContent))).toEqual([
    ["When", "Admitted", "Denied"],
    ["10:59 AM", "500", "1"],
    ["10:00 AM", "1000", "0"],
  ]);
});

test.each([
  [0, "0 byte"],
  [999, "999 byte"],
  [1_500, "1.5 kB"],
  [20_000_000, "20 MB"],
  [3.25e12, "3.3 TB"],
  [1e19, "10,000 PB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(createIntl({ locale: "en" }), bytes)).toBe(text);
});
