// @vitest-environment jsdom
import type { DenialGroup } from "@linkgate/api/spec";
import { act, screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, onTestFinished, test, vi } from "vitest";
import { DenialsPage } from "../src/denials/denials-page.tsx";
import { accountDocument, denialDocument } from "./support/documents.ts";
import { showPage } from "./support/show-page.tsx";

const accounts = { value: [accountDocument()] };
const now = new Date().toISOString();
const HOUR = 3_600_000;

function group(change: Partial<DenialGroup>): DenialGroup {
  const own = { account: "contoso", reason: "link-id-mismatch", origin: { kind: "other" }, requests: 1, lastAt: now };
  return { ...(own as DenialGroup), ...change };
}

function show(groups: readonly DenialGroup[], url = "/denials") {
  const series = groups.map(({ reason, requests }) => ({ at: now, reason, requests }));
  const requests = groups.reduce((sum, each) => sum + each.requests, 0);
  const report = denialDocument({ value: [...groups], series, requests });
  return showPage(<DenialsPage />, { url, answers: { "/accounts": accounts, "/denials": report } });
}

const rowOf = async (text: string | RegExp) => (await screen.findByText(text)).closest("tr") as HTMLElement;

test("what came through one's own pending connection is said above all else, with the way to decide", async () => {
  const origin = { kind: "connection", connection: "pe.1", state: "Pending" } as const;
  show([group({ requests: 12, reason: "private-link-not-enabled", origin })]);
  await screen.findByText("Somebody is waiting for your decision.");
  screen.getByText(/^12 denied requests came through your pending connection/);
  for (const link of screen.getAllByRole("link", { name: "pe.1" })) {
    expect(link.getAttribute("href")).toBe("/connections/contoso/pe.1");
  }
});

test.each([
  ["Approved", "Your connection pe.1, approved by now"],
  ["Rejected", "Your rejected connection pe.1"],
  ["Disconnected", "Your disconnected connection pe.1"],
  ["Resting", "Your connection pe.1"],
])("a connection that is %s now is named so, and leads to its page", async (state, text) => {
  show([group({ origin: { kind: "connection", connection: "pe.1", state: state as "Approved" } })]);
  const link = await screen.findByRole("link", { name: "pe.1" });
  expect(link.closest("td")?.textContent).toBe(text);
  expect(screen.queryByText(/waiting for your decision/)).toBeNull();
});

test("other networks are no more than that, a removed connection leads to its history, host names of no account nowhere", async () => {
  show([
    group({ requests: 3 }),
    group({ requests: 2, origin: { kind: "public" }, reason: "public-access-disabled" }),
    group({ requests: 4, origin: { kind: "connection", connection: "pe.0" } }),
    group({ requests: 5, account: null, reason: "unknown-host", origin: { kind: "other" } }),
  ]);
  const removed = await screen.findByRole("link", { name: "pe.0" });
  expect(removed.closest("td")?.textContent).toBe("Your removed connection pe.0");
  expect(removed.getAttribute("href")).toBe("/history?account=contoso&connection=pe.0");
  within(await rowOf("The public network")).getByText("public-access-disabled");
  const nobody = await rowOf("Host names of no account");
  expect(within(nobody).queryByRole("link")).toBeNull();
  within(nobody).getByText("Another network");
});

test("a row of the chart for each reason, the most frequent first; a reason that nobody knows here is shown as it is", async () => {
  show([group({ requests: 1, reason: "<b>new</b>" }), group({ requests: 1234, reason: "not-private-link" })]);
  const rows = await screen.findAllByRole("img");
  expect(rows.map(row => row.getAttribute("aria-label")?.split(", at most")[0])).toEqual([
    "From the public network, to the private host name: 1,234 in all",
    "<b>new</b>: 1 in all",
  ]);
});

test("filters are in the URL and in the question, and can be cleared", async () => {
  const { asked } = show([], "/denials?range=week&account=contoso&connection=pe.1");
  await screen.findByText("No denied request of this time fits these filters.");
  screen.getByText("Only what came through the connection pe.1.");
  const first = new URLSearchParams(asked.find(path => path.startsWith("/denials"))?.split("?")[1]);
  expect(Object.fromEntries(first)).toMatchObject({ step: "hour", account: "contoso", connection: "pe.1" });
  const hours = Math.floor(Date.now() / HOUR) - Date.parse(first.get("from") ?? "") / HOUR;
  expect([7 * 24 - 1, 7 * 24]).toContain(hours);

  await userEvent.selectOptions(screen.getByRole("combobox", { name: "Reason" }), "With two link ids that differ");
  expect(new URLSearchParams(location.search).get("reason")).toBe("conflicting-link-ids");
  await waitFor(() => expect(asked.at(-1)).toContain("reason=conflicting-link-ids"));

  await userEvent.click(screen.getByRole("button", { name: "Clear the filters" }));
  expect(location.search).toBe("?range=week");
  await screen.findByText("No request was denied in this time.");
});

test("the last time is a minute of the last hour, and an hour of all else", async () => {
  const value = [group({ lastAt: "2026-11-22T10:00:00Z" })];
  const { answers, tell } = show([]);
  answers["/denials"] = denialDocument({ requests: 1, value });
  tell("counted", { accounts: [] });
  await screen.findByText(/^Nov 22, 2026, 10:00.AM$/);
  answers["/denials"] = denialDocument({ requests: 1, value, step: "hour" });
  tell("counted", { accounts: [] });
  await screen.findByText(/^Nov 22, 2026, 10:00.*11:00.AM$/);
});

test("another account is no place for a connection's name", async () => {
  show([], "/denials?account=fabrikam&connection=pe.1");
  const contoso = await screen.findByRole("option", { name: "Contoso" });
  await userEvent.selectOptions(screen.getByRole("combobox", { name: "Account" }), contoso);
  expect(location.search).toBe("?account=contoso");
});

test("denials show up by themselves when the gates have told of them", async () => {
  const { answers, tell } = show([]);
  await screen.findByText("No request was denied in this time.");
  answers["/denials"] = denialDocument({ requests: 1, value: [group({})] });
  tell("counted", { accounts: ["contoso"] });
  await screen.findByText("Another network");
});

test("a minute that is over makes place for the next one", async () => {
  vi.useFakeTimers({ now: Date.parse("2026-11-22T10:59:20Z"), shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
  const { asked } = show([group({})]);
  await screen.findByText("10:00 AM");
  await act(() => vi.advanceTimersByTimeAsync(40_000));
  await screen.findByText("10:01 AM");
  await waitFor(() => expect(asked.at(-1)).toContain(encodeURIComponent("2026-11-22T10:01:00.000Z")));
});
