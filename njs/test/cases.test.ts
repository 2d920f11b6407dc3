import { isIP } from "node:net";
import { denialStatus, REASONS } from "@linkgate/core";
import { type Case, caseFiles } from "@linkgate/core/testing/cases";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exchange, type Peer, type ProxyHeader, writeProxyHeader, writeRequest } from "../testing/index.ts";
import { TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { lendAddress, returnAddresses } from "./support/source-address.ts";
import { until } from "./support/until.ts";
import { TestUpstream } from "./support/upstream.ts";

// Every row of core/cases that a wire can carry, in real NGINX: verdict and reason from the gate's log, status, and what the
// upstream got. A row of the listener `direct` is carried by the PROXY listener, which hands the same address to the same
// rules; `direct.test.ts` shows that it does. Rows are put together into as few tables as they fit into, one load each.

const ALLOWED = ["private-link", "public", "health-check"];
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

/** Why no wire can carry the row; null if one can. */
function whyNot(row: Row): string | null {
  if (row.nginx !== undefined && "skip" in row.nginx) return row.nginx.skip;
  if (isIP(row.source) === 0) return "a PROXY header carries an address, not a text";
  return null;
}

for (const mode of ["off", "optional", "required"] as const) {
  for (const state of ["current", "none", "expired"] as const) {
    const own = rows.filter(row => tlvModeOf(row) === mode && (row.table ?? "current") === state);
    const carried = own.filter(row => whyNot(row) === null);
    if (own.length === 0) continue;
    describe(`TLV ${mode}, table ${state}`, () => {
      for (const row of own.filter(each => whyNot(each) !== null))
        test.skip(`${row.file}: ${row.name} (${whyNot(row)})`);
      if (carried.length > 0) runRows(mode, state, carried);
    });
  }
}

function runRows(mode: TlvMode, state: "current" | "none" | "expired", own: readonly Row[]): void {
  let feed: TestFeed;
  let gate: TestGate;
  let upstream: TestUpstream;

  beforeAll(async () => {
    feed = await TestFeed.start();
    if (state === "none") feed.misbehave = (_, answer) => answer.writeHead(503).end();
    gate = await TestGate.create(feed, {
      LINKGATE_LINK_TLV: mode,
      LINKGATE_MAX_TABLE_AGE: state === "expired" ? "1" : "3600",
      LINKGATE_LOAD_BALANCERS: TRUSTED,
    });
    await gate.launch();
    upstream = new TestUpstream(`${gate.dir}/up`);
    await upstream.serve(own.filter(row => ALLOWED.includes(row.reason)).map(row => row.account ?? ""));
  });
  beforeEach(() => gate.explainFailure());
  afterAll(async () => {
    returnAddresses();
    feed.resume();
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
        const { generation } = (await gate.status()).table;
        feed.replaceAll(entries);
        await gate.whenStatus(page => page.table.generation > generation);
        if (state === "expired") {
          feed.hang();
          await gate.whenTable("expired");
        }
      });
      for (const row of table.rows) test(`${row.file}: ${row.name}`, ({ skip }) => check(row, skip));
    });
  });

  async function check(row: Row, skip: (note: string) => void): Promise<void> {
    const expected = expectedOf(row);
    const isAllowed = ALLOWED.includes(expected.reason);
    if (row.listener === "public" && !(await lendAddress(row.source))) skip("the address can't be bound here");
    const [peer, header] = wayOf(row);
    const request = writeRequest({
      host: Buffer.from(row.host).toString("latin1"),
      method: row.method ?? "GET",
      target: Buffer.from(row.target ?? "/").toString("latin1"),
    });
    const forwarded = upstream.requests.length;
    const logged = (await gate.log()).length;

    const answer = await ask(peer, request, header);
    const line = await until(
      async () => (await gate.log())[logged],
      () => "the log got no new line",
    );

    expect(answer.status, answer.text).toBe(expected.status);
    expect(line.reason).toBe(expected.reason);
    expect(line.verdict).toBe(expected.reason === "" ? "" : isAllowed ? "allow" : "deny");
    if (expected.reason !== "") {
      expect(line.account).toBe(expected.account);
      expect(line.client).toBe(row.client ?? "");
    }
    expect(upstream.requests.length - forwarded).toBe(isAllowed ? 1 : 0);
    if (isAllowed) checkForwarded(row, expected);
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
    expect(seen?.target).toBe(row.target ?? "/");
    expect(names.get("x-private-link-client")).toBe(row.client);
    expect(names.get("x-private-link-id")).toBe(row.client?.split(":").at(-1));
  }

  function wayOf(row: Row): [Peer, ProxyHeader | undefined] {
    if (row.listener === "public")
      return [{ host: row.source, port: gate.ports.public, localAddress: row.source }, undefined];
    const localAddress = row.listener === "proxy-untrusted" ? UNTRUSTED : TRUSTED;
    const peer = { host: TRUSTED, port: gate.ports.proxy, localAddress };
    const tlvs = row.tlv === undefined ? [] : [{ type: 0xee, value: Buffer.from(row.tlv, "hex") }];
    return [peer, { source: row.source, tlvs, command: row.listener === "proxy-local" ? "LOCAL" : "PROXY" }];
  }
}

async function ask(
  peer: Peer,
  request: Uint8Array,
  header: ProxyHeader | undefined,
): Promise<{ status: number; text: string }> {
  const answer = await exchange(peer, request, header && writeProxyHeader(header));
  return { status: answer.status, text: answer.text() };
}

type Expected = { status: number; reason: string; account: string };

function expectedOf(row: Row): Expected {
  const { nginx } = row;
  const account = row.account ?? "";
  if (nginx !== undefined && "status" in nginx) {
    // Where NGINX reads a host that core alone does not, it reads the account in its first label.
    const read = nginx.reason === undefined ? "" : (row.host.trim().split(".")[0] ?? "");
    return { status: nginx.status, reason: nginx.reason ?? "", account: account || read };
  }
  if (ALLOWED.includes(row.reason)) return { status: 200, reason: row.reason, account };
  return { status: denialStatus(REASONS.indexOf(row.reason)), reason: row.reason, account };
}
