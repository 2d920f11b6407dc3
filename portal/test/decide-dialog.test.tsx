// @vitest-environment jsdom
import { act, screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { afterEach, expect, test } from "vitest";
import { ConnectionsPage } from "../src/connections/connections-page.tsx";
import { loadDecideDialog } from "../src/connections/decide.ts";
import { DecideDialog } from "../src/connections/decide-dialog.tsx";
import { readDraft, writeDraft } from "../src/connections/draft.ts";
import { connectionDocument as connection } from "./support/documents.ts";
import { showUrl } from "./support/navigation.ts";
import { showPage } from "./support/show-page.tsx";

const URL = "/connections?state=Pending&sort=name";
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
  const { asked } = showPage(<DecideDialog action="reject" connections={[connection()]} onClose={() => undefined} />, {
    url: URL,
    hasEnded: true,
  });
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

test("removing says what stops working, and when it was last used", () => {
  const place = { linkIds: [822088585], privateAddresses: ["10.1.1.4"] };
  const used = connection({ ...place, state: "Approved", lastTrafficAt: "2026-11-22T10:00:00Z" });
  const unused = connection({ ...place, state: "Approved", name: "pe.2" });
  const pending = connection({ name: "pe.3" });
  showPage(<DecideDialog action="remove" connections={[used, unused, pending]} onClose={() => undefined} />);
  const [one, other, third] = screen.getAllByRole("listitem").map(item => item.textContent);
  expect(one).toContain("private endpoint pe in subscription t");
  expect(one).toContain("Stops: every request to Contoso from 10.1.1.4, link id 822088585.");
  expect(one).toMatch(/The last request that was let through came on Nov 22, 2026 at 10:00/);
  expect(other).toContain("No gate has told of a request that was let through in the last 90 days.");
  expect(third).not.toContain("Stops");
});
