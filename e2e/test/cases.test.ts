import { isIP } from "node:net";
import { denialStatus, isAllowed, REASONS } from "@linkgate/core";
import { type Case, caseFiles } from "@linkgate/core/testing/cases";
import { exchange, type Peer, type ProxyHeader, writeProxyHeader, writeRequest } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import {
  type GateKind,
  type GateUnderTest,
  gates,
  lendAddress,
  RecordingUpstream,
  TestFeed,
  until,
} from "../gates/index.ts";

// Every row of core/cases that a wire can carry, in each real proxy: verdict and reason from the gate's log, status, and what the
// upstream got. Rows of the listener `direct` come by the PROXY listener, which hands the same address to the same rules. Rows are
// put together into as few tables as they fit into, one load each.

const TRUSTED = "127.0.0.1";
const UNTRUSTED = "127.0.0.2";

type TlvMode = "off" | "optional" | "required";
type Row = Case & { file: string };

const rows: Row[] = Object.entries(caseFiles).flatMap(([file, cases]) => cases.map(each => ({ ...each, file })));

function tlvModeOf(row: Row): TlvMode {
  if (row.listener === "proxy-tlv-optional") return "optional";
  return row.listener === "proxy-tlv-required" ? "required" : "off";
}

/** Rows that need different entries of the same account go into different tables. */
function splitIntoTables(of: readonly Row[]): { entries: Map<string, string | null>; rows: Row[] }[] {
  const tables: { entries: Map<string, string | null>; rows: Row[] }[] = [];
  for (const row of of) {
    const account = row.account ?? "";
    let table = tables.find(each => !each.entries.has(account) || each.entries.get(account) === row.entry);
    if (table === undefined) {
      table = { entries: new Map(), rows: [] };
      tables.push(table);
    }
    if (account !== "") table.entries.set(account, row.entry);
    table.rows.push(row);
  }
  return tables;
}

/** What a real proxy makes of a row where it differs from core. What no wire can carry to NGINX, none can carry to Envoy. */
function ownOf(kind: GateKind, row: Row): Case["envoy"] {
  const { nginx, envoy } = row;
  if (kind.name === "nginx") return nginx;
  return envoy ?? (nginx !== undefined && "skip" in nginx ? nginx : undefined);
}

/** Why no wire can carry the row; null if one can. */
function whyNot(kind: GateKind, row: Row): string | null {
  const own = ownOf(kind, row);
  if (own !== undefined && "skip" in own) return own.skip;
  if (isIP(row.source) === 0) return "a PROXY header carries an address, not a text";
  return null;
}

describe.each(gates)("core's cases in $name", kind => {
  for (const mode of ["off", "optional", "required"] as const) {
    for (const state of ["current", "none", "expired"] as const) {
      const own = rows.filter(row => tlvModeOf(row) === mode && (row.table ?? "current") === state);
      const carried = own.filter(row => whyNot(kind, row) === null);
      if (own.length === 0) continue;
      describe(`TLV ${mode}, table ${state}`, () => {
        for (const row of own.filter(each => whyNot(kind, each) !== null))
          test.skip(`${row.file}: ${row.name} (${whyNot(kind, row)})`);
        if (carried.length > 0) runRows(kind, mode, state, carried);
      });
    }
  }
});

function runRows(kind: GateKind, mode: TlvMode, state: "current" | "none" | "expired", own: readonly Row[]): void {
  let feed: TestFeed;
  let gate: GateUnderTest;
  let upstream: RecordingUpstream;

  beforeAll(async () => {
    feed = await TestFeed.start();
    if (state === "none") feed.misbehave = (_, answer) => answer.writeHead(503).end();
    upstream = new RecordingUpstream();
    gate = await kind.create({
      feedUrl: feed.url,
      feedToken: feed.token,
      upstreamDir: upstream.dir,
      linkTlv: mode,
      maxTableAge: state === "expired" ? 1 : 3600,
      loadBalancers: [TRUSTED],
    });
    await gate.launch();
    await upstream.serve(own.map(row => row.account ?? "").filter(account => account !== ""));
  });
  beforeEach(() => onTestFailed(() => console.log(gate.explain())));
  afterAll(async () => {
    await gate.stop();
    await upstream.stop();
    await feed.stop();
  });

  splitIntoTables(own).forEach((table, number) => {
    describe(`table ${number + 1}`, () => {
      beforeAll(async () => {
        if (state === "none") return;
        const entries = [...table.entries].filter((entry): entry is [string, string] => entry[1] !== null);
        feed.resume();
        feed.replaceAll(entries);
        await feed.acknowledged(); // a generation more could still be of what was there before
        if (state === "expired") {
          feed.hang();
          await gate.whenState(page => page.table === "expired");
        }
      });
      for (const row of table.rows) test(`${row.file}: ${row.name}`, ({ skip }) => check(row, skip));
    });
  });

  async function check(row: Row, skip: (note: string) => void): Promise<void> {
    const expected = expectedOf(kind, row);
    const allowed = isAllowed(REASONS.indexOf(expected.reason));
    if (row.listener === "public" && !(await lendAddress(row.source))) skip("the address can't be bound here");
    const [peer, header] = wayOf(row);
    const request = writeRequest({
      host: Buffer.from(row.host).toString("latin1"),
      method: row.method ?? "GET",
      target: Buffer.from(row.target ?? "/").toString("latin1"),
    });
    const forwarded = upstream.requests.length;
    const logged = (await gate.readLog()).length;

    const answer = await exchange(peer, request, header && writeProxyHeader(header));
    const line = await until(
      async () => (await gate.readLog())[logged],
      () => "the log got no new line",
    );

    expect(answer.status, answer.text()).toBe(expected.status);
    expect(line.reason).toBe(expected.reason);
    expect(line.verdict).toBe(expected.reason === "" ? "" : allowed ? "allow" : "deny");
    if (expected.reason !== "") {
      expect(line.account).toBe(expected.account);
      expect(line.client).toBe(row.client ?? "");
    }
    expect(upstream.requests.length - forwarded).toBe(allowed ? 1 : 0);
    expect(upstream.problems).toEqual([]);
    if (allowed) checkForwarded(row, expected);
  }

  function checkForwarded(row: Row, expected: Expected): void {
    const seen = upstream.requests.at(-1);
    expect(seen?.account).toBe(expected.account);
    const names = new Map(seen?.headers.map(([name, value]) => [name.toLowerCase(), value]));
    if (expected.reason === "health-check") {
      expect(seen?.target).toBe("/health/check");
      expect([...names.keys()]).toEqual(["host"]);
      return;
    }
    expect(seen?.target).toBe(expected.target);
    expect(names.get("x-private-link-client")).toBe(row.client);
    expect(names.get("x-private-link-id")).toBe(row.client?.split(":").at(-1));
  }

  function wayOf(row: Row): [Peer, ProxyHeader | undefined] {
    if (row.listener === "public")
      return [{ host: row.source, port: gate.endpoints.public.port, localAddress: row.source }, undefined];
    const localAddress = row.listener === "proxy-untrusted" ? UNTRUSTED : TRUSTED;
    const peer = { host: TRUSTED, port: gate.endpoints.proxy.port, localAddress };
    const tlvs = row.tlv === undefined ? [] : [{ type: 0xee, value: Buffer.from(row.tlv, "hex") }];
    return [peer, { source: row.source, tlvs, command: row.listener === "proxy-local" ? "LOCAL" : "PROXY" }];
  }
}

type Expected = { status: number; reason: string; account: string; target: string };

function expectedOf(kind: GateKind, row: Row): Expected {
  const own = ownOf(kind, row);
  const differs = own !== undefined && "status" in own ? own : undefined;
  const reason = differs ? (differs.reason ?? "") : row.reason;
  // Where a proxy reads a host that core alone does not, it reads the account in its first label.
  const read = differs?.reason === undefined ? "" : (row.host.replace(/\r/g, "").trim().split(".")[0] ?? "");
  const status = isAllowed(REASONS.indexOf(reason)) ? 200 : denialStatus(REASONS.indexOf(reason));
  const target = (differs && "target" in differs ? differs.target : undefined) ?? row.target ?? "/";
  return { status: differs?.status ?? status, reason, account: row.account ?? read, target };
}
