import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A feed that has one table and no news: enough to fill a gate (design 4). */
export interface StillFeed {
  url: string;
  stop(): void;
}

/**
 * Serves `accounts` accounts (`account000000` and so on), each with three link ids, in pages; then holds every poll until its wait is over.
 * The link ids of account n are 3n+1, 3n+2 and 3n+3.
 */
export async function startStillFeed(accounts: number): Promise<StillFeed> {
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://feed").searchParams;
    const cursor = query.get("cursor") ?? "";
    response.setHeader("content-type", "text/plain; charset=us-ascii");
    if (query.get("bye") === "1") {
      response.writeHead(204).end();
      return;
    }
    if (cursor === "still") {
      const timer = setTimeout(() => response.end("=still\tdone\n"), Number(query.get("wait") ?? 0) * 1000);
      response.on("close", () => clearTimeout(timer));
      return;
    }
    const from = cursor === "" ? 0 : Number(cursor.slice(1));
    const to = Math.min(accounts, from + Number(query.get("limit") ?? 2000));
    const lines: string[] = [];
    for (let n = from; n < to; n++)
      lines.push(`+${nameAccount(n)}\t1\tdisabled\t${3 * n + 1},${3 * n + 2},${3 * n + 3}\n`);
    response.end(`${lines.join("")}=${to < accounts ? `n${to}\tmore` : "still\tdone"}\n`);
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The name of account n. */
export function nameAccount(n: number): string {
  return `account${String(n).padStart(6, "0")}`;
}
