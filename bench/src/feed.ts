import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The link that every account has, beside two of its own: requests from one address are then admitted to all of them. */
export const COMMON_LINK = 3_000_000_001;
/** Lines a page, unless the gate asks for fewer. */
const PAGE = 2000;

/** A feed that has one table and no news: enough to fill a gate (design 4). */
export interface StillFeed {
  readonly url: string;
  /** Milliseconds from the first poll to the one that acknowledges the whole table; NaN until then. */
  readonly loadMs: number;
  /** Milliseconds of these that were the feed's own. */
  readonly feedMs: number;
  stop(): void;
}

/** The links of account n. */
export function linksOf(n: number): readonly [number, number, number] {
  return [1_000_000_000 + 2 * n, 1_000_000_001 + 2 * n, COMMON_LINK];
}

/** The lines of the table, page by page, as the feed sends them. */
export function writePages(accounts: number): string[] {
  const pages: string[] = [];
  for (let from = 0; from < accounts || from === 0; from += PAGE) {
    const to = Math.min(accounts, from + PAGE);
    let lines = "";
    for (let n = from; n < to; n++) {
      lines += `+${nameAccount(n)}\t1\tdisabled\t${linksOf(n).join()}\n`;
    }
    pages.push(`${lines}=${to < accounts ? `n${pages.length + 1}\tmore` : "still0\tdone"}\n`);
  }
  return pages;
}

/** Serves the pages as fast as they are asked for, and then holds every poll until its wait is over. */
export async function startStillFeed(pages: readonly string[]): Promise<StillFeed> {
  let first = Number.NaN;
  let last = Number.NaN;
  let feedMs = 0;
  const server = createServer((request, response) => {
    const { pathname, searchParams: query } = new URL(request.url ?? "", "http://feed");
    if (pathname !== "/gate/v1/changes") {
      request.resume();
      response.writeHead(204).end(); // a report of what was counted
      return;
    }
    const cursor = query.get("cursor") ?? "";
    const started = performance.now();
    response.setHeader("content-type", "text/plain; charset=us-ascii");
    if (query.get("bye") === "1") {
      response.writeHead(204).end();
    } else if (cursor === "still0") {
      if (Number.isNaN(last)) last = started;
      const timer = setTimeout(() => response.end("=still0\tdone\n"), Number(query.get("wait") ?? 0) * 1000);
      response.on("close", () => clearTimeout(timer));
    } else {
      if (cursor === "") first = started;
      response.end(pages[Number(cursor.slice(1))]);
      feedMs += performance.now() - started;
    }
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get loadMs() {
      return last - first;
    },
    get feedMs() {
      return feedMs;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The name of account n. */
export function nameAccount(n: number): string {
  return `account${String(n).padStart(7, "0")}`;
}
