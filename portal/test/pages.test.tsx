// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { AccountPage } from "../src/accounts/account-page.tsx";
import { ConnectionPage } from "../src/connections/connection-page.tsx";
import { GatesPage } from "../src/gates/gates-page.tsx";
import { HistoryOverview } from "../src/history/history-overview.tsx";
import { HomePage } from "../src/home/home-page.tsx";
import { countByAge } from "../src/home/pending-by-age.tsx";
import { accountDocument, connectionDocument, denialDocument, gateDocument } from "./support/documents.ts";
import { showPage } from "./support/show-page.tsx";

const NONE = { Pending: 0, Approved: 0, Rejected: 0, Disconnected: 0 };
const HOUR = 3_600_000;
const ago = (milliseconds: number) => new Date(Date.now() - milliseconds).toISOString();

function factOf(name: string): string | null {
  return screen.getByText(name, { selector: "dt" }).nextElementSibling?.textContent ?? null;
}

test("account: connections used of the maximum, requests and bytes of the last day, the ways to see more", async () => {
  const lastDay = { requests: 1_010, admitted: 1_000, denied: 10, bytes: 4_200_000 };
  showPage(<AccountPage />, {
    parameters: { account: "contoso" },
    answers: {
      "/accounts/contoso": accountDocument({ lastDay, connectionsUsed: 3 }),
      "/connections": { value: [], counts: NONE },
    },
  });
  await screen.findByText("3 of 200 connections are used.");
  expect(factOf("Let in")).toBe("1,000");
  expect(factOf("Denied")).toBe("10");
  expect(factOf("Bytes sent")).toBe("4.2 MB");
  const href = (name: string) => screen.getByRole("link", { name }).getAttribute("href");
  expect(href("See its traffic")).toBe("/traffic?range=day&account=contoso");
  expect(href("See what was denied")).toBe("/denials?range=day&account=contoso");
});

test("account: when the link of each of its connections was last seen", async () => {
  const seen = { linkIds: [822088585, 7], lastTrafficAt: "2026-11-22T10:07:00Z" };
  const { answers, tell } = showPage(<AccountPage />, {
    parameters: { account: "contoso" },
    answers: {
      "/accounts/contoso": accountDocument(),
      "/connections": { value: [connectionDocument(), connectionDocument({ name: "pe.2", ...seen })], counts: NONE },
    },
  });
  const textsOf = async (name: string) => {
    const row = (await screen.findByRole("link", { name })).closest("tr") as HTMLElement;
    return [...row.children].map(cell => cell.textContent);
  };
  expect(await textsOf("pe.1")).toEqual(["pe.1", "Pending", "", "Not within 90 days", "Not within 90 days"]);
  expect((await textsOf("pe.2"))[2]).toBe("822088585, 7");
  expect((await textsOf("pe.2"))[3]).toMatch(/^Nov 22, 2026, 10:07.AM/);
  answers["/connections"] = { value: [connectionDocument({ lastDeniedAt: "2026-11-22T10:08:00Z" })], counts: NONE };
  tell("counted", { accounts: ["contoso"] });
  await waitFor(async () => expect((await textsOf("pe.1"))[4]).toMatch(/10:08/));
});

test("history: what happened is drawn by day, within what is filtered", async () => {
  const by = { name: "Dana Ortiz" };
  const decision = { from: "Pending", to: "Approved", accountId: "/a", account: "contoso", via: "portal", by };
  const value = ["approve", "remove", "approve"].map((action, index) => ({
    ...decision,
    ...{ id: String(index), at: ago(index * HOUR), action, correlationId: `c${index}` },
  }));
  const { asked } = showPage(<HistoryOverview />, {
    url: "/history?account=contoso&connection=pe.1",
    answers: { "/history": { value, next: "more" } },
  });
  const rows = await screen.findAllByRole("img");
  expect(rows.map(row => row.getAttribute("aria-label")?.split(",")[0])).toEqual([
    "approve: 2 in all",
    "remove: 1 in all",
  ]);
  screen.getByText("Of these, the newest 200 alone are drawn.");
  for (const path of asked) expect(path).toContain("account=contoso&connection=pe.1");
});

test("connection: when a gate last let something through it in, and when it last denied", async () => {
  const path = "/accounts/contoso/connections/pe.1";
  const { answers, tell } = showPage(<ConnectionPage />, {
    parameters: { account: "contoso", name: "pe.1" },
    answers: { [path]: connectionDocument(), "/history": { value: [] } },
  });
  await screen.findByRole("heading", { name: "What is known" });
  expect(factOf("Last let in")).toBe("Not within 90 days");
  expect(factOf("Last denied")).toBe("Not within 90 days");

  answers[path] = connectionDocument({ lastDeniedAt: "2026-11-22T10:07:00Z" });
  tell("counted", { accounts: ["contoso"] });
  const link = await screen.findByRole("link", { name: "See what was denied" });
  expect(factOf("Last denied")).toMatch(/^Nov 22, 2026, 10:07.AM/);
  expect(link.getAttribute("href")).toBe("/denials?range=quarter&account=contoso&connection=pe.1");
});

test("gates: what each calls itself, and when it last told of traffic", async () => {
  const told = gateDocument({ version: "linkgate-nginx/0.1.0 nginx/1.30.0", reportedAt: "2026-11-22T10:07:01Z" });
  const silent = gateDocument({ name: "envoy-1", incarnation: "f".repeat(32) });
  showPage(<GatesPage />, { answers: { "/gates": { value: [told, silent] } } });
  const rowOf = async (name: string) => (await screen.findByText(name)).closest("tr") as HTMLElement;
  within(await rowOf("nginx-1")).getByText("linkgate-nginx/0.1.0 nginx/1.30.0");
  within(await rowOf("nginx-1")).getByText(/10:07:01/);
  expect(within(await rowOf("envoy-1")).getAllByText("None yet")).toHaveLength(2);
});

test("home: the last hour's denials in one line, and which of them wait for a decision", async () => {
  const group = { account: "contoso", reason: "link-id-mismatch", lastAt: ago(0) };
  const pending = { kind: "connection", connection: "pe.1", state: "Pending" } as const;
  const { answers, tell } = showPage(<HomePage />, {
    answers: {
      "/connections": { value: [], counts: NONE },
      "/denials": denialDocument(),
      "/gates": { value: [] },
    },
  });
  await screen.findByText(/No request was denied in the last hour\./);
  answers["/denials"] = denialDocument({
    requests: 7,
    value: [
      { ...group, origin: pending, requests: 5 },
      { ...group, origin: { kind: "other" }, requests: 2 },
    ],
  });
  tell("counted", { accounts: ["contoso"] });
  const line = await screen.findByText(/7 requests were denied in the last hour\./);
  expect(line.textContent).toContain("5 of them came through your pending connections.");
});

test("home: pending requests by age, and how many more there are than were looked at", async () => {
  const ages = [200 * HOUR, 30 * HOUR, 20 * HOUR, HOUR / 2, HOUR / 3];
  const value = ages.map((age, index) => connectionDocument({ name: `pe.${index}`, requestedAt: ago(age) }));
  showPage(<HomePage />, {
    answers: {
      "/connections": { value, counts: { Pending: 8, Approved: 0, Rejected: 0, Disconnected: 0 } },
      "/denials": denialDocument(),
      "/gates": { value: [] },
    },
  });
  const rows = within(await screen.findByRole("table", { name: "Pending requests by age" })).getAllByRole("row");
  expect(rows.map(row => [...row.children].map(cell => cell.textContent))).toEqual([
    ["Waiting for", "Requests"],
    ["More than a week", "1"],
    ["Up to a week", "1"],
    ["Up to a day", "1"],
    ["Up to an hour", "2"],
  ]);
  screen.getByText("3 more requests are younger than these.");
});

test("an age is counted once, whatever the clocks say", () => {
  const now = 1_000 * HOUR;
  expect(countByAge([now + HOUR, now, now - HOUR, now - HOUR - 1, now - 24 * HOUR, 0], now)).toEqual([1, 0, 2, 3]);
});
