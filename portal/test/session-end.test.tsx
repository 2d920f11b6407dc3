// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { render, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { LiveQueries } from "../src/api/live-queries.tsx";
import { createQueryClient, useRead } from "../src/api/queries.ts";
import { SessionProvider } from "../src/session/session.tsx";

function Reader() {
  useRead("/accounts");
  return null;
}

test.each([
  [401, true],
  [403, false],
])("an answer with status %d ends the session: %s", async (status, isOver) => {
  const error = { code: "Some", message: "no" };
  const fetch = vi.fn(async (_url: string) => Response.json({ error }, { status }));
  vi.stubGlobal("fetch", fetch);
  const end = vi.fn();
  const person = { objectId: "someone", name: "Dana Ortiz", userName: "dana@example.org", roles: [] };
  const nothing = async () => undefined;
  const session = { person, hasEnded: false, getToken: async () => "token", end, signIn: nothing, signOut: nothing };
  const queries = createQueryClient();
  render(
    <SessionProvider session={session}>
      <QueryClientProvider client={queries}>
        <LiveQueries>
          <Reader />
        </LiveQueries>
      </QueryClientProvider>
    </SessionProvider>,
  );
  await waitFor(() => expect(queries.getQueryCache().getAll()[0]?.state.status).toBe("error"));
  expect(end.mock.calls.length > 0).toBe(isOver);
});
