import { afterEach, describe, expect, test, vi } from "vitest";
import { denyForError, Gate } from "../src/access.ts";
import { readUptime } from "../src/clock.ts";
import { expireByUptime } from "../src/expiry.ts";
import { withLock } from "../src/lock.ts";
import { readGateSettings } from "../src/settings.ts";
import { answerLiveness } from "../src/status.ts";
import { EMPTY_STATE, formatState, parseState, SharedTable, type TableState } from "../src/table.ts";
import { fakeNginx } from "./support/fake-nginx.ts";

// What real NGINX can't be brought to do in a test: an old njs, a clock that is set back, a process that dies at one point.

const SETTINGS = {
  LINKGATE_FEED_URL: "http://127.0.0.1:9/",
  LINKGATE_GATE_NAME: "gate",
  LINKGATE_FEED_TOKEN_FILE: "/token",
  LINKGATE_MAX_TABLE_AGE: "3600",
  LINKGATE_LINK_TLV: "optional",
  LINKGATE_ZONES: "a.example/b.example",
  LINKGATE_LINK_QUARANTINE: "60",
  LINKGATE_RUN_DIR: "/run/linkgate",
};

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("njs", () => {
  test.for([0x010001, 0x010002, 0x020000])("%i is new enough", number => {
    fakeNginx(number);
    expect(() => new Gate(readGateSettings(SETTINGS))).not.toThrow();
  });

  test.for([0x010000, 0x000909])("%i is refused: every request is denied, and the log says why", number => {
    const { logged } = fakeNginx(number);
    const answers: unknown[] = [];
    const request = { variables: {}, return: (status: number, body: string) => answers.push([status, body]) };
    try {
      new Gate(readGateSettings(SETTINGS));
    } catch (error) {
      denyForError(request as unknown as NginxRequest, error);
    }
    expect(answers).toEqual([[403, expect.stringContaining("OperationOutcome")]]);
    expect(request.variables).toEqual({ linkgate_verdict: "deny", linkgate_reason: "gate-error" });
    expect(logged.join()).toContain("older than 1.0.1");
  });
});

describe("settings of the gate", () => {
  test("are read", () => {
    expect(readGateSettings(SETTINGS)).toMatchObject({
      feedUrl: "http://127.0.0.1:9",
      linkTlv: 1,
      linkQuarantine: 60_000,
    });
  });

  test.for(Object.keys(SETTINGS))("without %s there is an error that names it", name => {
    expect(() => readGateSettings({ ...SETTINGS, [name]: undefined })).toThrow(name);
  });

  test("all that is wrong is named at once", () => {
    expect(() => readGateSettings({})).toThrow(/FEED_URL.*GATE_NAME.*ZONES.*RUN_DIR/);
  });
});

describe("age", () => {
  const NOW = 1_800_000_000_000;
  const state: TableState = {
    ...EMPTY_STATE,
    zone: 1,
    generation: 3,
    expires: { wall: NOW + 1000, uptime: 500_000 },
  };

  test("the table is current until its wall clock time is over, and none without a state", () => {
    const { meta } = fakeNginx();
    vi.useFakeTimers({ now: NOW });
    const table = new SharedTable();
    expect(table.readState()).toBe(0);
    meta.set("state", formatState(EMPTY_STATE));
    expect(table.readState()).toBe(0);
    meta.set("state", formatState(state));
    expect(table.readState()).toBe(1);
    vi.setSystemTime(NOW + 1001);
    expect(table.readState()).toBe(2);
  });

  test("a wall clock that was set back does not lengthen it: the monotonic clock ends it (rule 15)", () => {
    const { meta, logged } = fakeNginx();
    vi.useFakeTimers({ now: NOW - 3_600_000 });
    meta.set("state", formatState(state));
    const table = new SharedTable();
    expireByUptime(500_000);
    expect(table.readState()).toBe(1);
    expireByUptime(500_001);
    expect(table.readState()).toBe(2);
    expect(logged).toHaveLength(1);
    expireByUptime(600_000);
    expect(logged).toHaveLength(1);
    expect(parseState(meta.get("state"))).toMatchObject({ zone: 1, generation: 3 });
  });
});

describe("the lock", () => {
  const own = `${process.pid}.${startOf(process.pid)}`;

  test("is held by one at a time, and given back", () => {
    fakeNginx();
    expect(withLock(own, 1000, () => withLock(own, 1001, () => "inner"))).toBe(null);
    expect(withLock(own, 1002, () => "again")).toBe("again");
  });

  test("is given back when the change throws", () => {
    fakeNginx();
    expect(() => withLock(own, 1000, () => throwError())).toThrow("broken");
    expect(withLock(own, 1001, () => true)).toBe(true);
  });

  test("of a process that has ended is broken, of one that runs it is not", () => {
    const { meta } = fakeNginx();
    meta.set("lock", `${process.pid}.1 1000 1`); // the same number, started at another time
    expect(withLock(own, 2000, () => true)).toBe(true);
    meta.set("lock", `${own} 2000 2`);
    expect(withLock(own, 999_999, () => true)).toBe(null);
  });

  test("is not broken while nobody can tell whether its holder runs: two would change the table at once", () => {
    const { meta } = fakeNginx();
    const noFiles = Object.assign(new Error("too many open files"), { code: "ENFILE" });
    vi.spyOn(process.getBuiltinModule("node:fs"), "readFileSync").mockImplementation(() => {
      throw noFiles;
    });
    meta.set("lock", `${own} 1000 1`);
    expect(withLock(own, 2000, () => true)).toBe(null);
  });
});

describe("liveness", () => {
  function ask(taken: number): number {
    const { meta } = fakeNginx();
    meta.set("lock", `1.1 ${taken} 1`);
    let answered = 0;
    const request = { headersOut: {}, return: (status: number) => (answered = status) };
    answerLiveness(request as unknown as NginxRequest);
    return answered;
  }

  test("is over when a process was stopped with the lock in its hands", () => {
    expect(ask(readUptime())).toBe(200);
    expect(ask(readUptime() - 31_000)).toBe(500);
  });
});

function throwError(): never {
  throw new Error("broken");
}

function startOf(pid: number): string {
  const stat = process.getBuiltinModule("node:fs").readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
