// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { followCounts } from "../src/charts/count-filter.ts";
import { RANGES } from "../src/charts/time-range.ts";
import { TrafficPage } from "../src/traffic/traffic-page.tsx";
import { accountDocument, trafficDocument } from "./support/documents.ts";
import { showPage } from "./support/show-page.tsx";

const accounts = { value: [accountDocument()] };
const sums = { requests: 1210, admitted: 1200, denied: 10, bytes: 2_500_000 };

function show(url: string, report = trafficDocument()) {
  return showPage(<TrafficPage />, { url, answers: { "/accounts": accounts, "/traffic": report } });
}

test("requests that were let in and denied, and bytes, are drawn over time and told by account", async () => {
  const at = new Date().toISOString();
  const value = [
    { account: "contoso", ...sums },
    { account: null, requests: 5, admitted: 0, denied: 5, bytes: 0 },
  ];
  show("/traffic?range=day", trafficDocument({ total: sums, series: [{ at, ...sums }], value, omitted: 2 }));
  await screen.findByRole("heading", { name: "Let in" });
  for (const [title, total] of [
    ["Let in", "1,200"],
    ["Denied", "10"],
    ["Bytes sent", "2.5 MB"],
  ] as const) {
    const section = screen.getByRole("region", { name: title });
    expect(within(section).getByRole("img").getAttribute("aria-label")).toContain(`All accounts: ${total} in all`);
  }
  screen.getByText("2 rows more are not shown. Filter to see less at once.");

  const table = screen.getByRole("table", { name: "By account" });
  const rows = within(table).getAllByRole("row");
  expect(rows.map(row => [...row.children].map(cell => cell.textContent))).toEqual([
    ["Account", "Requests", "Let in", "Denied", "Bytes sent"],
    ["contoso", "1,210", "1,200", "10", "2.5 MB"],
    ["Host names of no account", "5", "0", "5", "0 byte"],
  ]);
  const link = within(table).getByRole("link", { name: "10" });
  expect(link.getAttribute("href")).toBe("/denials?range=day&account=contoso");
  expect(within(table).queryByRole("link", { name: "5" })).toBeNull();
});

test("nothing yet, and nothing for this account, are two things", async () => {
  show("/traffic");
  await screen.findByText("No gate has told of any request in this time.");
  const contoso = await screen.findByRole("option", { name: "Contoso" });
  await userEvent.selectOptions(screen.getByRole("combobox", { name: "Account" }), contoso);
  expect(location.search).toBe("?account=contoso");
  await screen.findByText("No gate has told of any request to this account in this time.");
});

test("a service that does not answer is told, with the way to try again", async () => {
  showPage(<TrafficPage />, { url: "/traffic", answers: { "/accounts": accounts } });
  await screen.findByText("This did not work.");
  screen.getByRole("button", { name: "Try again" });
});

test("it is read again when the gates have told of requests; a long range once a minute, however often they do", async () => {
  const { asked, tell } = show("/traffic?range=day");
  await screen.findByText("No gate has told of any request in this time.");
  const before = asked.length;
  tell("counted", { accounts: ["contoso"] });
  await waitFor(() => expect(asked.slice(before).join()).toContain("/traffic?"));
  expect(RANGES.map(followCounts)).toEqual([
    { counted: true },
    { counted: true },
    { refetchInterval: 60_000 },
    { refetchInterval: 60_000 },
  ]);
});
