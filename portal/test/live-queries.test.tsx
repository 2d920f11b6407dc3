// @vitest-environment jsdom
import { screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { ConnectionsPage } from "../src/connections/connections-page.tsx";
import { connectionDocument } from "./support/documents.ts";
import { showPage } from "./support/show-page.tsx";

test("a request that comes while the list is read for the first time appears, although that answer is without it", async () => {
  const counts = { Pending: 0, Approved: 0, Rejected: 0, Disconnected: 0 };
  let answerFirst = (_answer: unknown) => {};
  const { answers, asked, tell } = showPage(<ConnectionsPage />, {
    url: "/connections",
    answers: {
      "/connections": () => new Promise(resolve => (answerFirst = resolve)),
      "/accounts": { value: [], total: 0 },
    },
  });
  const timesAsked = (path: string) => asked.filter(each => each.startsWith(path)).length;
  await waitFor(() => expect(timesAsked("/connections")).toBe(1));
  tell("changed", { accounts: ["contoso"] });
  // What is not being read is read again at once: the page has heard of the change.
  await waitFor(() => expect(timesAsked("/accounts")).toBeGreaterThan(1));
  answers["/connections"] = { value: [connectionDocument()], counts };
  answerFirst({ value: [], counts });
  await screen.findByRole("link", { name: "pe.1" });
});
