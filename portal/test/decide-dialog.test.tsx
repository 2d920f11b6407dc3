// @vitest-environment jsdom
import { act, screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { afterEach, expect, test } from "vitest";
import { ConnectionPage } from "../src/connections/connection-page.tsx";
import { ConnectionsPage } from "../src/connections/connections-page.tsx";
import { DecideDialog } from "../src/connections/decide-dialog.tsx";
import { readDraft, writeDraft } from "../src/connections/draft.ts";
import { loadDecideDialog } from "../src/connections/load-decide-dialog.ts";
import { connectionDocument as connection } from "./support/documents.ts";
import { showUrl } from "./support/navigation.ts";
import { showPage } from "./support/show-page.tsx";

const URL = "/connections?state=Pending&sort=name";
const PATH = "/accounts/contoso/connections/pe.1";
const COUNTS = { Pending: 1, Approved: 0, Rejected: 0, Disconnected: 0 };

afterEach(() => sessionStorage.clear());

/** The list, with one pending connection in it, as somebody finds it who was away. */
function comeBack() {
  showPage(<ConnectionsPage />, {
    url: URL,
    answers: { "/connections": { value: [connection()], counts: COUNTS }, "/accounts": { value: [], total: 0 } },
  });
}

test("a session that is over is said in the dialog, nothing is sent, and what was written is kept for the way back", async () => {
  const seen = [connection()];
  const dialog = <DecideDialog action="reject" connections={seen} listed={seen} onClose={() => undefined} />;
  const { asked } = showPage(dialog, { url: URL, hasEnded: true });
  await userEvent.type(screen.getByRole("textbox", { name: /Comment/ }), "nobody we know");
  await userEvent.click(screen.getByRole("button", { name: "Reject" }));
  screen.getByText(/Your session has ended, and nothing has been decided/);
  await userEvent.click(screen.getByRole("button", { name: "Sign in again" }));
  expect(asked).toEqual([]);
  expect(JSON.parse(sessionStorage.getItem("linkgate.draft") ?? "")).toMatchObject({
    person: "someone",
    page: URL,
    action: "reject",
    comment: "nobody we know",
  });
});

test("whoever comes back finds the dialog as it was, once", async () => {
  showUrl(URL);
  writeDraft("someone", { action: "reject", comment: "nobody we know", connections: ["contoso/pe.1"] });
  comeBack();
  const dialog = await screen.findByRole("dialog", { name: "Reject this connection?" });
  expect(within(dialog).getByRole<HTMLTextAreaElement>("textbox", { name: /Comment/ }).value).toBe("nobody we know");
  expect(sessionStorage.length).toBe(0);
});

test("a draft is of its person and its page alone", () => {
  showUrl(URL);
  writeDraft("someone", { action: "reject", comment: "nobody we know", connections: ["contoso/pe.1"] });
  expect(readDraft("someone")).toMatchObject({ action: "reject", comment: "nobody we know" });
  expect(readDraft("another")).toBeUndefined();
  showUrl("/connections?state=Approved");
  expect(readDraft("someone")).toBeUndefined();
});

test("there is nothing to decide about a connection that is no longer listed", async () => {
  showUrl(URL);
  writeDraft("someone", { action: "reject", comment: "nobody we know", connections: ["contoso/gone"] });
  comeBack();
  await waitFor(() => expect(sessionStorage.length).toBe(0));
  // By then a dialog would have come.
  await act(async () => void (await loadDecideDialog()));
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("a conflict shows what has changed, who did it, when and why", async () => {
  const seen = connection();
  const last = { id: "1", at: "2026-11-22T10:00:00Z", action: "reject", from: "Pending", to: "Rejected" };
  const { asked } = showPage(<DecideDialog action="approve" connections={[seen]} onClose={() => undefined} />, {
    answers: {
      [PATH]: seen,
      "/decisions": {
        correlationId: "c9",
        value: [
          {
            ...{
              account: "contoso",
              name: "pe.1",
              outcome: "refused",
              error: { code: "Changed", message: "it has changed" },
            },
            connection: connection({ etag: "2", state: "Rejected" }),
          },
        ],
      },
      "/history": {
        value: [{ ...last, comment: "no contract", via: "portal", by: { name: "Ravi Rao" }, account: "a" }],
      },
    },
  });
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  await screen.findByText(/0 of 1 were accepted/);
  const item = screen.getByRole("listitem");
  await within(item).findByText(/from Pending to Rejected, by Ravi Rao, in the portal/);
  expect(item.textContent).toContain("It is now Rejected");
  expect(item.textContent).toContain("no contract");
  expect(asked).toContain("/history?account=contoso&connection=pe.1&limit=1");
});

const REJECTED = {
  ...{ id: "1", at: "2026-11-22T10:00:00Z", action: "reject", from: "Pending", to: "Rejected", account: "contoso" },
  ...{ comment: "no contract", via: "portal", by: { name: "Ravi Rao" } },
};

test("what somebody else decides while a dialog is open is said at once: who, when, why, and that it is left as it is", async () => {
  const other = connection({ name: "pe.2" });
  const { answers, asked, tell } = showPage(<ConnectionsPage />, {
    url: URL,
    answers: {
      "/connections": { value: [connection(), other], counts: COUNTS },
      "/accounts": { value: [], total: 0 },
      "/history": { value: [REJECTED] },
      "/decisions": { correlationId: "c9", value: [] },
    },
  });
  await userEvent.click(await screen.findByRole("checkbox", { name: "Select all of this page" }));
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  const dialog = await screen.findByRole("dialog", { name: "Approve 2 connections?" });
  expect(within(dialog).queryByText(/has changed since/)).toBeNull();
  // A list of what is pending has it no more; what it is now is read by itself.
  answers[PATH] = connection({ etag: "2", state: "Rejected" });
  answers["/connections"] = { value: [other], counts: COUNTS };
  tell("changed", { accounts: ["contoso"] });
  await within(dialog).findByText(/from Pending to Rejected, by Ravi Rao, in the portal/);
  const [changed, same] = within(dialog).getAllByRole("listitem");
  expect(changed?.textContent).toContain("Nothing will be decided about it: close the dialog, and look at it again.");
  expect(changed?.textContent).toContain("It is now Rejected");
  expect(changed?.textContent).toContain("no contract");
  expect(same?.textContent).not.toContain("has changed");
  expect(asked).not.toContain("/accounts/contoso/connections/pe.2");
  // What has not changed can still be decided.
  expect(within(dialog).getByRole("button", { name: "Approve" }).getAttribute("aria-disabled")).not.toBe("true");
});

test.each([
  ["is another one now", connection({ etag: "2", state: "Rejected" }), /It is now/],
  ["is gone", undefined, /It is not there any more/],
])("a dialog whose only connection %s decides nothing any more", async (_what, now, said) => {
  const { answers, asked, tell } = showPage(<ConnectionPage />, {
    parameters: { account: "contoso", name: "pe.1" },
    answers: { [PATH]: connection(), "/history": { value: [] }, "/decisions": { correlationId: "c9", value: [] } },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Reject" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByRole("textbox", { name: /Comment/ }), "nobody we know");
  if (now === undefined) delete answers[PATH];
  else answers[PATH] = now;
  tell("changed", { accounts: ["contoso"] });
  await within(dialog).findByText(said);
  const button = within(dialog).getByRole("button", { name: "Reject" });
  expect(button.getAttribute("aria-disabled")).toBe("true");
  await userEvent.click(button);
  expect(asked).not.toContain("/decisions");
});

test("one's own decision, on its way, is no change by somebody else", async () => {
  let decide = (_answer: unknown) => {};
  const { answers, asked, tell } = showPage(<ConnectionPage />, {
    parameters: { account: "contoso", name: "pe.1" },
    answers: {
      ...{ [PATH]: connection(), "/history": { value: [] } },
      "/decisions": () => new Promise(resolve => (decide = resolve)),
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Approve" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "Approve" }));
  await waitFor(() => expect(asked).toContain("/decisions"));
  answers[PATH] = connection({ etag: "2", state: "Approved" });
  tell("changed", { accounts: ["contoso"] });
  await screen.findByText("In force at 2 of 2 gates"); // by the page behind
  expect(within(dialog).queryByText(/has changed since/)).toBeNull();
  decide({ correlationId: "c9", value: [{ account: "contoso", name: "pe.1", outcome: "accepted" }] });
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("a decision that was never answered may have been carried out, and that is said", async () => {
  const seen = connection();
  const { answers, tell } = showPage(<DecideDialog action="approve" connections={[seen]} onClose={() => undefined} />, {
    answers: { [PATH]: seen, "/history": { value: [] }, "/decisions": () => Promise.reject(new TypeError("lost")) },
  });
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  await screen.findByText(/Whether it has been carried out is not known/);
  answers[PATH] = connection({ etag: "2", state: "Approved" });
  tell("changed", { accounts: ["contoso"] });
  await screen.findByText(/It is now/);
});

test("removing says what stops working, and when it was last used", () => {
  const place = { linkIds: [822088585], privateAddresses: ["10.1.1.4"] };
  const used = connection({ ...place, state: "Approved", lastTrafficAt: "2026-11-22T10:00:00Z" });
  const unused = connection({ ...place, state: "Approved", name: "pe.2" });
  const pending = connection({ name: "pe.3" });
  const seen = [used, unused, pending];
  showPage(<DecideDialog action="remove" connections={seen} listed={seen} onClose={() => undefined} />);
  const [one, other, third] = screen.getAllByRole("listitem").map(item => item.textContent);
  expect(one).toContain("private endpoint pe in subscription t");
  expect(one).toContain("Stops: every request to Contoso from 10.1.1.4, link id 822088585.");
  expect(one).toMatch(/The last request that was let through came on Nov 22, 2026 at 10:00/);
  expect(other).toContain("No gate has told of a request that was let through in the last 90 days.");
  expect(third).not.toContain("Stops");
});
