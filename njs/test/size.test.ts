import { expect, test } from "vitest";
import { linkAddress } from "../testing/index.ts";
import { send, TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, uniqueTarget } from "./support/requests.ts";
import { TestUpstream } from "./support/upstream.ts";

const ACCOUNTS = 100_000;
const PAGE = 2000;
/** The limit. */
const MOST_BYTES = 300;

/** Every account has three links, as large as they come. */
function writePages(nameOf: (number: number) => string): string[] {
  const pages: string[] = [];
  for (let from = 0; from < ACCOUNTS; from += PAGE) {
    const lines = Array.from({ length: PAGE }, (_, at) => {
      const id = 4_000_000_000 + (from + at) * 3;
      return `+${nameOf(from + at)}\t1\tenabled\t${id},${id + 1},${id + 2}\n`;
    });
    const isLast = from + PAGE >= ACCOUNTS;
    pages.push(`${lines.join("")}=${isLast ? "whole" : from + PAGE}\t${isLast ? "done" : "more"}\n`);
  }
  return pages;
}

test.for([["names of 16 characters", (number: number) => `account-${String(number).padStart(8, "0")}`]] as const)(
  "100,000 accounts with %s: load, memory, and the last of them is found",
  async ([, nameOf]) => {
    const pages = writePages(nameOf);
    const feed = await TestFeed.start();
    feed.misbehave = (poll, answer) => {
      if (poll.cursor !== "whole") send(answer, 200, pages[Number(poll.cursor) / PAGE] ?? "");
      else setTimeout(() => send(answer, 200, "=whole\tdone\n"), poll.wait * 1000);
    };
    const gate = await TestGate.start(feed, { LINKGATE_TABLE_SIZE: "64m" });
    gate.explainFailure();
    const upstream = new TestUpstream(`${gate.dir}/up`);
    try {
      await upstream.serve([nameOf(ACCOUNTS - 1)]);
      const first = feed.polls[0]?.at ?? 0;
      const whole = feed.polls.find(poll => poll.cursor === "whole")?.at ?? 0;
      const { zones } = await gate.status();
      const used = Math.max(...zones.map(zone => zone.capacity - zone.free));
      console.log(`loaded in ${whole - first} ms, ${(used / ACCOUNTS).toFixed(0)} B an account`);
      expect(used / ACCOUNTS).toBeLessThanOrEqual(MOST_BYTES);

      const source = linkAddress(4_000_000_000 + (ACCOUNTS - 1) * 3 + 2, "10.1.1.4");
      const request = { host: privateHost(nameOf(ACCOUNTS - 1)), target: uniqueTarget() };
      expect((await askFrom(gate, source, request)).status).toBe(200);
    } finally {
      await gate.stop();
      await upstream.stop();
      await feed.stop();
    }
  },
);
