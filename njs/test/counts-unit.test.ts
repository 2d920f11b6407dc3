import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Counter, listKeys, MOST_KEYS, MOST_LINKED_KEYS, takeLines } from "../src/counts.ts";
import { prepareReport, settleReport } from "../src/report.ts";
import { answerLiveness } from "../src/status.ts";
import { type FakeZone, fakeNginx } from "./support/fake-nginx.ts";

let requests: FakeZone<number>;
let bytes: FakeZone<number>;
let counter: Counter;

beforeEach(() => {
  ({ requests, bytes } = fakeNginx());
  counter = new Counter();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Counts a request of contoso's. */
function count(reason = "private-link", linkId = "17", account = "contoso"): void {
  const variables = { linkgate_reason: reason, linkgate_account: account, linkgate_link_id: linkId, bytes_sent: "100" };
  counter.count({ variables } as unknown as NginxRequest);
}

function takeAll(): string[] {
  return takeLines(listKeys().keys).split("\n").slice(0, -1).sort();
}

/** Takes all, and says how old the oldest of it is. */
function takeBegun(): number {
  const { keys, begun } = listKeys();
  takeLines(keys);
  return begun;
}

describe("counting", () => {
  test("adds up, and is empty once it was taken", () => {
    count();
    count();
    count("not-private-link", "");
    expect(takeAll()).toEqual(["contoso\tnot-private-link\t\t1\t100", "contoso\tprivate-link\t17\t2\t200"]);
    expect(takeAll()).toEqual([]);
  });

  test("leaves out what nobody decided", () => {
    count("");
    expect(takeAll()).toEqual([]);
  });

  test("keeps a number of links, then reasons, then nothing but how many", () => {
    for (let id = 1; id <= MOST_LINKED_KEYS + 50; id++) count("link-id-mismatch", String(id));
    count("link-id-mismatch", "1"); // has its place
    for (let account = 1; account <= MOST_KEYS; account++) count("public", "", `account-${account}`);
    const lines = takeAll();
    expect(lines).toHaveLength(MOST_KEYS + 1);
    expect(lines).toContain("contoso\tlink-id-mismatch\t1\t2\t200");
    expect(lines).toContain("contoso\tlink-id-mismatch\t\t50\t5000");
    const left = MOST_KEYS - (MOST_KEYS - MOST_LINKED_KEYS - 1);
    expect(lines).toContain(`\tuncounted\t\t${left}\t${left}00`);
    for (const zone of [requests, bytes]) expect(zone.keys(1e6).filter(key => !key.startsWith("#"))).toEqual([]);
    count("link-id-mismatch", "9");
    expect(takeAll()).toEqual(["contoso\tlink-id-mismatch\t9\t1\t100"]);
  });

  test.for(["requests", "bytes"])("with %s full it fails nothing, and counts what it can", which => {
    count();
    const zone = which === "bytes" ? bytes : requests;
    zone.isFull = true;
    count("not-private-link", "");
    count();
    zone.isFull = false;
    expect(takeAll()).toContain("contoso\tprivate-link\t17\t2\t200");
  });

  test("more bytes than a line may have are cut off, lest the report be refused", () => {
    count();
    bytes.set("contoso\tprivate-link\t17", 3e15);
    expect(takeAll()).toEqual(["contoso\tprivate-link\t17\t1\t1000000000000000"]);
  });

  test("whatever is thrown stays inside", () => {
    const request = {
      get variables(): never {
        throw new Error("broken");
      },
    };
    counter.count(request as unknown as NginxRequest);
    expect(takeAll()).toEqual(["\tuncounted\t\t1\t0"]);
  });

  test("is said to be older rather than younger than it is: begun after the list before", () => {
    vi.useFakeTimers({ now: 1_000_000 });
    expect(takeBegun()).toBe(1_000_000);
    vi.setSystemTime(1_003_000);
    count();
    vi.setSystemTime(1_009_000);
    expect(takeBegun()).toBe(1_000_000);
    vi.setSystemTime(1_010_000);
    expect(takeBegun()).toBe(1_009_000);
    vi.setSystemTime(5000); // a clock that was set back
    expect(takeBegun()).toBe(5000);
  });
});

describe("a report", () => {
  test("comes at once, then while there is something to tell, and after an empty minute", () => {
    const first = prepareReport("a", 10_000);
    expect(first).toMatchObject({ sequence: 1, body: "" });
    settle(first);
    expect(prepareReport("a", 12_000)).toBe(null);
    count();
    const second = prepareReport("a", 12_000);
    expect(second).toMatchObject({ sequence: 2, body: "contoso\tprivate-link\t17\t1\t100\n" });
    settle(second);
    count();
    expect(prepareReport("a", 12_900)).toBe(null); // one a second
    settle(prepareReport("a", 13_000));
    expect(prepareReport("a", 72_900)).toBe(null);
    expect(prepareReport("a", 73_000)).toMatchObject({ sequence: 4, body: "" });
  });

  test("comes at once for another incarnation, under another number", () => {
    settle(prepareReport("a", 10_000));
    count();
    expect(prepareReport("b", 10_001)).toMatchObject({ sequence: 2, incarnation: "b", body: "" });
  });

  test("stays the same until it has arrived, and only its own answer says that", () => {
    settle(prepareReport("a", 10_000));
    count();
    const sent = prepareReport("a", 12_000);
    count();
    expect(prepareReport("a", 14_000)).toEqual(sent);
    settle(sent);
    const next = prepareReport("a", 15_000);
    settle(sent); // once more, by a worker that was frozen
    expect(prepareReport("a", 16_000)).toEqual(next);
    expect(next?.body).toBe("contoso\tprivate-link\t17\t1\t100\n");
  });

  test("of more lines than one may have goes on in the next, as old as it is", () => {
    settle(prepareReport("a", 10_000));
    for (let id = 1; id <= 2500; id++) count("link-id-mismatch", String(id));
    const parts = [];
    for (let second = 12; second < 15; second++) {
      const part = prepareReport("a", second * 1000);
      if (part !== null) parts.push(part);
      settle(part);
      count("link-id-mismatch", "2500"); // has had its turn, or has it now
    }
    expect(prepareReport("a", 15_000)?.body).toContain("contoso\tlink-id-mismatch\t2500\t");
    expect(parts.map(({ sequence, body }) => [sequence, body.split("\n").length - 1])).toEqual([
      [2, 1000],
      [3, 1000],
      [4, 500],
    ]);
    expect(new Set(parts.map(({ begun }) => begun)).size).toBe(1);
    expect(new Set(parts.flatMap(({ body }) => body.split("\n"))).size).toBe(2501);
  });

  function settle(report: ReturnType<typeof prepareReport>): void {
    if (report === null) throw new Error("there is nothing to be sent");
    settleReport(report);
  }
});

test("liveness reads the zones that requests are counted in: one that is locked for ever must not pass", () => {
  const read = [vi.spyOn(requests, "get"), vi.spyOn(bytes, "get")];
  answerLiveness({ headersOut: {}, return: () => {} } as unknown as NginxRequest);
  for (const zone of read) expect(zone).toHaveBeenCalled();
});
