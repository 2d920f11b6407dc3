import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactElement } from "react";
import { IntlProvider } from "react-intl";
import { vi } from "vitest";
import { LiveQueries } from "../../src/api/live-queries.tsx";
import { createQueryClient } from "../../src/api/queries.ts";
import { en } from "../../src/messages/en.ts";
import { SessionProvider } from "../../src/session/session.tsx";
import { SettingsContext } from "../../src/shell/settings-context.ts";
import { showUrl } from "./navigation.ts";

/** What the admin API answers, by path below `/admin/v1`: a document, or what makes one of the query, at once or later. */
export type Answers = Record<string, unknown | ((query: URLSearchParams) => unknown)>;

export interface PageOptions {
  readonly answers?: Answers;
  /** Path and query that the page is at. */
  readonly url?: string;
  /** What stands in the URL for the folders in brackets. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Whether the session of who is signed in has ended. */
  readonly hasEnded?: boolean;
  /** App roles of who is signed in. */
  readonly roles?: readonly string[];
}

/** A page, and the world around it. */
export interface ShownPage {
  /** May be changed: what is read next is answered anew. */
  readonly answers: Answers;
  /** Paths with queries that were asked for, the oldest first. */
  readonly asked: readonly string[];
  /** Says something in the stream of changes. */
  tell(event: string, data: unknown): void;
}

const SETTINGS = {
  authority: "https://login.example/tenant",
  clientId: "client",
  scope: "scope",
  azurePortal: "https://portal.azure.com",
};

/** Shows a component as the portal would to a person who is signed in, in front of an admin API with these answers. */
export function showPage(page: ReactElement, options: PageOptions = {}): ShownPage {
  const answers = { ...options.answers };
  const asked: string[] = [];
  const stream = new TransformStream<Uint8Array, Uint8Array>();
  const writer = stream.writable.getWriter();
  const tell = (event: string, data: unknown) =>
    void writer.write(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  vi.stubGlobal("fetch", async (target: string) => {
    const url = new URL(target, "https://portal.example");
    const path = url.pathname.replace("/admin/v1", "");
    if (path === "/changes") return new Response(stream.readable);
    asked.push(path + url.search);
    if (!(path in answers)) return Response.json({ error: { code: "NotFound", message: path } }, { status: 404 });
    const answer = answers[path];
    return Response.json(await (typeof answer === "function" ? answer(url.searchParams) : answer));
  });
  showUrl(options.url ?? "/", options.parameters);
  const session = {
    person: { objectId: "someone", name: "Dana Ortiz", userName: "dana@example.org", roles: options.roles ?? [] },
    hasEnded: options.hasEnded ?? false,
    getToken: async () => "token",
    end: () => undefined,
    signIn: async () => undefined,
    signOut: async () => undefined,
  };
  render(
    <FluentProvider theme={webLightTheme}>
      <IntlProvider locale="en" timeZone="UTC" messages={en}>
        <SettingsContext value={SETTINGS}>
          <SessionProvider session={session}>
            <QueryClientProvider client={createQueryClient()}>
              <LiveQueries>{page}</LiveQueries>
            </QueryClientProvider>
          </SessionProvider>
        </SettingsContext>
      </IntlProvider>
    </FluentProvider>,
  );
  return { answers, asked, tell };
}
