import { isAllowed, REASONS } from "@linkgate/core";
import { foldHost, isAddressGiven } from "@linkgate/core/testing/answer";
import { type Case, caseFiles } from "@linkgate/core/testing/cases";
import { describe, expect, test } from "vitest";
import { FakeEnvoy, type FakeOutcome } from "../testing/fake-envoy.ts";
import { numberOf, settingsOf } from "./support/gate.ts";

// Every row of core/cases, in the built wasm with a host that is no Envoy: what is decided, and what goes on.

const envoy = new FakeEnvoy();
const vm = envoy.createVm();

const CONFIGURATIONS: Record<string, Record<string, string>> = {
  direct: { listener: "direct" },
  proxy: { listener: "proxy" },
  "proxy-tlv-optional": { listener: "proxy", linkTlv: "optional" },
  "proxy-tlv-required": { listener: "proxy", linkTlv: "required" },
  public: { listener: "public" },
  "proxy-local": { listener: "proxy" },
  "proxy-untrusted": { listener: "proxy-untrusted" },
};
const roots = new Map(
  Object.entries(CONFIGURATIONS).map(([name, changes]) => [name, vm.configure(settingsOf(changes))] as const),
);

/** Puts a table in force that has one entry, or none. */
function putTable(row: Case): void {
  envoy.shared.clear();
  const generation = 6;
  const state = Buffer.alloc(80);
  state.writeUInt32LE(row.table === "none" ? 0 : generation, 0);
  const life = row.table === "expired" ? -1n : 1n;
  state.writeBigUInt64LE(envoy.wall + life, 8);
  state.writeBigUInt64LE(envoy.monotonic + life, 16);
  envoy.shared.set(`${numberOf()}state`, { value: state, cas: envoy.nextCas() });
  if (row.entry === null || row.account === undefined) return;
  const value = Buffer.concat([Buffer.from([generation, 0, 0, 0]), Buffer.from(row.entry, "utf8")]);
  envoy.shared.set(`${numberOf()}0${row.account}`, { value, cas: envoy.nextCas() });
}

function ask(row: Case): FakeOutcome {
  putTable(row);
  const listener = row.listener ?? "direct";
  const address = row.source.includes(":") ? `[${row.source}]:50000` : `${row.source}:50000`;
  const properties: Record<string, string> = {
    "filter_state\0linkgate.connection": `${address} ${isAddressGiven(listener) ? "10.0.0.9:4242" : address}`,
  };
  if (row.tlv !== undefined)
    properties["filter_state\0envoy.network.proxy_protocol.tlv\0linkgate_link"] = Buffer.from(row.tlv, "hex").toString(
      "base64",
    );
  return vm.request(roots.get(listener) ?? 0, {
    headers: [
      [":authority", Buffer.from(row.host)],
      [":path", Buffer.from(row.target ?? "/")],
      [":method", row.method ?? "GET"],
    ],
    properties,
  });
}

describe.each(Object.entries(caseFiles))("%s.json", (_, rows) => {
  test.each(rows.map(row => [row.name, row] as const))("%s", (_, row) => {
    const counter = `linkgate.decisions.${row.reason}`;
    const before = envoy.metrics.get(counter) ?? expect.fail(`there is no ${counter}`);
    const { forwarded, answer, log } = ask(row);
    expect(envoy.metrics.get(counter)).toBe(before + 1n);
    const allowed = isAllowed(REASONS.indexOf(row.reason));
    expect(log["linkgate.reason"]).toBe(row.reason);
    expect(log["linkgate.verdict"]).toBe(allowed ? "allow" : "deny");
    expect(log["linkgate.account"]).toBe(row.account);
    expect(log["linkgate.client"]).toBe(row.client);
    expect(log["linkgate.link_id"]).toBe(row.client?.split(":").at(-1));
    if (!allowed) {
      expect(answer?.status).toBe(row.reason === "table-unavailable" ? 503 : 403);
      expect(answer?.details).toBe(row.reason);
      expect(JSON.parse(answer?.body ?? "")).toMatchObject({ resourceType: "OperationOutcome" });
      return;
    }
    const sent = new Map(forwarded);
    const name = foldHost(row.host).replace(/:\d+$/, "").replace(/\.$/, "");
    expect(sent.get(":authority")).toBe(name);
    expect(sent.get(":path")).toBe(row.reason === "health-check" ? "/health/check" : (row.target ?? "/"));
    const isLink = row.reason === "private-link";
    expect(sent.get("x-private-link-client")).toBe(isLink ? row.client : undefined);
    expect(sent.get("x-private-link-id")).toBe(isLink ? row.client?.split(":").at(-1) : undefined);
  });
});
