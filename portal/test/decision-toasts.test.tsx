// @vitest-environment jsdom

import type { DecisionResults, ProgressView } from "@linkgate/api/spec";
import { screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { Problem } from "../src/api/problem.ts";
import { DecideDialog } from "../src/connections/decide-dialog.tsx";
import { findOutcome } from "../src/connections/decision-toasts.tsx";
import { FollowDecisions } from "../src/connections/follow-decisions.tsx";
import { connectionDocument as connection } from "./support/documents.ts";
import { showPage } from "./support/show-page.tsx";

const PATH = "/accounts/contoso/connections/pe.1";
const DONE: ProgressView = { phase: "done", gates: 2, inForce: 2, waitingFor: [] };
const BEHIND: ProgressView = { phase: "spreading", gates: 2, inForce: 1, waitingFor: ["envoy-1"] };

// The dialog stays open here, and hides all else from screen readers sooner or later: what stands behind it is looked for as hidden.

/** Decides about two connections, of which both are accepted, or the first alone. */
async function decide(action: "approve" | "remove", outcomes: readonly ("accepted" | "refused")[]) {
  const connections = ["pe.1", "pe.2"].slice(0, outcomes.length).map(name => connection({ name }));
  const value = outcomes.map((outcome, at) => ({ account: "contoso", name: connections[at]?.name, outcome }));
  const page = showPage(
    <FollowDecisions>
      <DecideDialog action={action} connections={connections} listed={connections} onClose={() => undefined} />
    </FollowDecisions>,
    { answers: { "/decisions": { value, correlationId: "c" } as DecisionResults, "/history": { value: [] } } },
  );
  for (const each of connections) page.answers[`/accounts/contoso/connections/${each.name}`] = each;
  await userEvent.type(screen.getByRole("textbox", { name: /Comment/ }), "as agreed");
  await userEvent.click(screen.getByRole("button", { name: action === "approve" ? "Approve" : "Remove" }));
  await waitFor(() => expect(page.asked).toContain(PATH)); // it is being followed
  return page;
}

test("what was approved is told of once every gate has it, and not before", async () => {
  const { answers, tell, asked } = await decide("approve", ["accepted"]);
  answers[PATH] = connection({ state: "Approved", progress: BEHIND });
  const before = asked.length;
  tell("changed", { accounts: ["contoso"] });
  await waitFor(() => expect(asked.slice(before)).toContain(PATH));
  expect(screen.queryByText(/is approved/)).toBeNull();
  answers[PATH] = connection({ state: "Approved", progress: DONE });
  tell("changed", { accounts: ["contoso"] });
  await screen.findByText("pe.1 of Contoso is approved, and in force at every gate.");
  expect(screen.getByRole("link", { name: "See the connection", hidden: true }).getAttribute("href")).toBe(
    "/connections/contoso/pe.1",
  );
  await userEvent.click(screen.getByRole("button", { name: "Dismiss", hidden: true }));
  expect(screen.queryByText(/is approved/)).toBeNull();
});

test("several are told of at once, when the last of them is in force; those that were refused are not among them", async () => {
  const { answers, tell } = await decide("approve", ["accepted", "accepted"]);
  answers[PATH] = connection({ state: "Approved", progress: DONE });
  answers["/accounts/contoso/connections/pe.2"] = connection({ name: "pe.2", state: "Approved", progress: DONE });
  tell("changed", { accounts: ["contoso"] });
  await screen.findByText("2 connections are approved, and in force at every gate.");
});

test("one of which something else has become is told of as that", async () => {
  const { answers, tell } = await decide("approve", ["accepted", "refused"]);
  answers[PATH] = connection({ state: "Rejected", progress: DONE });
  tell("changed", { accounts: ["contoso"] });
  await screen.findByText("pe.1 of Contoso has come to something else than was decided.");
});

test("what was removed is told of when it is gone", async () => {
  const { answers, tell } = await decide("remove", ["accepted"]);
  delete answers[PATH];
  tell("changed", { accounts: ["contoso"] });
  await screen.findByText("pe.1 of Contoso is removed, and no gate admits it.");
  expect(screen.getByRole("link", { name: "See the history", hidden: true }).getAttribute("href")).toBe("/history");
});

test.for([
  ["approve", connection(), undefined],
  ["approve", connection({ state: "Approved", progress: BEHIND }), undefined],
  ["approve", connection({ state: "Disconnected" }), "otherwise"],
  ["reject", connection({ state: "Approved" }), undefined],
  ["reject", connection({ state: "Rejected", progress: BEHIND }), undefined],
  ["reject", connection({ state: "Rejected", progress: DONE }), "inForce"],
  ["remove", connection({ state: "Rejected" }), undefined],
  ["remove", connection({ provisioningState: "Deleting" }), undefined],
  ["remove", connection({ provisioningState: "Failed" }), "otherwise"],
] as const)("%s: a connection found as %j has come to %s", ([action, found, outcome]) => {
  expect(findOutcome(action, found, null)).toBe(outcome);
});

test("an answer that fails says nothing, unless it says that nothing is there", () => {
  expect(findOutcome("remove", undefined, new Problem(503, "", "", ""))).toBeUndefined();
  expect(findOutcome("remove", connection(), new Problem(404, "", "", ""))).toBe("inForce");
  expect(findOutcome("approve", connection(), new Problem(404, "", "", ""))).toBe("otherwise");
});
