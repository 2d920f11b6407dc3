import { proxyBody, proxyPath } from "@linkgate/api/testing";
import { type AccessLogLine, exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { gates, until, ZONE } from "../gates/index.ts";
import { connectionName } from "../world/arm.ts";
import { World, type WorldGate } from "../world/world.ts";

// What a real gate counts arrives in the real api, once, and where it belongs.

const OURS = 4711;
const PENDING = 4712;
const NORTHWINDS = 4713;
/** Milliseconds for reports to come: what is not answered is sent again ever more slowly, and here much is not. */
const DEADLINE_MS = 200_000;

/** What the registry keeps of requests. */
type Count = { account: string | null; reason: string; origin: string; connection: string; requests: number };

describe.each(gates)("what $name counts", kind => {
  let world: World;
  let one: WorldGate;
  let target = 0;

  beforeAll(async () => {
    world = await World.start(kind, ["one"]);
    await world.createAccounts("contoso", "northwind");
    // What may have been counted before an account was there is nobody's: these have long been there.
    await world.plane.query("update accounts set created_at = created_at - interval '1 hour'");
    const name = connectionName(PENDING);
    const body = proxyBody(name, "manual", [PENDING]);
    expect((await world.plane.nrp.call("PUT", proxyPath("contoso", name), { body })).status).toBe(201);
    const grants = [await world.arm.approve("contoso", OURS), await world.arm.approve("northwind", NORTHWINDS)];
    // Nothing is revoked here, and no connection is too old for its one request.
    one = await world.addGate("one", { linkQuarantine: 3600 });
    for (const grant of grants) await world.traffic.untilAdmitted(one.gate, grant);
  });
  afterAll(() => world?.stop());
  beforeEach(() => onTestFailed(async () => console.log(await world.explain())));

  async function ask(source: string, host: string): Promise<AccessLogLine> {
    const path = `/Patient/${++target}`;
    await exchange(one.gate.endpoints.proxy, { host, target: path }, writeProxyHeader({ source }));
    return one.gate.waitForLog(line => line.request_uri === path);
  }

  async function readCounts(): Promise<Count[]> {
    return world.plane.query<Count>(`select a.account, reason, origin, name_key as connection, sum(requests)::int as requests
      from counts k left join accounts a on a.life = k.life where step = 'minute'
      group by 1, 2, 3, 4 order by 1, 2, 3, 4`);
  }

  async function readBytes(): Promise<number> {
    const rows = await world.plane.query<{ bytes: number }>(
      `select coalesce(sum(bytes), 0)::int as bytes from counts where step = 'hour'`,
    );
    return rows[0]?.bytes ?? 0;
  }

  const sumOf = (counts: readonly Count[]) => counts.reduce((sum, { requests }) => sum + requests, 0);

  /** Waits until every line of the gate's log was counted, each once. A line may come after its count, so the log is read last. */
  async function untilAllCounted(): Promise<void> {
    let last = "";
    await until(
      async () => {
        const counted = sumOf(await readCounts());
        const logged = (await one.gate.readLog()).filter(({ reason }) => reason !== "").length;
        last = `${counted} of ${logged} lines were counted`;
        return counted === logged;
      },
      () => `${last}\n${one.gate.explain()}`,
      DEADLINE_MS,
    );
  }

  /** What was counted between two times. */
  function subtract(after: readonly Count[], before: readonly Count[]): Count[] {
    const keyOf = ({ requests, ...key }: Count) => JSON.stringify(key);
    const known = new Map(before.map(count => [keyOf(count), count.requests]));
    return after
      .map(count => ({ ...count, requests: count.requests - (known.get(keyOf(count)) ?? 0) }))
      .filter(({ requests }) => requests > 0);
  }

  test("the gate says who it is", async () => {
    const rows = await until(
      async () => {
        const said = await world.plane.query<{ version: string; gate: string }>(
          "select distinct gate, version from reporters",
        );
        return said.length > 0 && said;
      },
      () => `no report came\n${one.gate.explain()}`,
    );
    expect(rows).toEqual([{ gate: "one", version: expect.stringMatching(new RegExp(`^linkgate-${kind.name}/\\d`)) }]);
  });

  test("belongs to the account and to the connection it came by; strangers and unknown names are told apart from nothing", async () => {
    await untilAllCounted();
    const before = await readCounts();
    const bytesBefore = await readBytes();
    const contoso = `contoso.${ZONE.private}`;
    const lines = [
      await ask(linkAddress(OURS, "10.1.1.4"), contoso),
      await ask(linkAddress(OURS, "10.1.1.5"), contoso),
      await ask(linkAddress(PENDING, "10.1.1.4"), contoso),
      await ask(linkAddress(NORTHWINDS, "10.1.1.4"), contoso),
      await ask(linkAddress(4_000_000_000, "10.1.1.4"), contoso),
      await ask("2001:db8::7", contoso),
      await ask(linkAddress(OURS, "10.1.1.4"), `nobody.${ZONE.private}`),
      await ask(linkAddress(OURS, "10.1.1.4"), `no-one.${ZONE.private}`),
    ];
    await untilAllCounted();
    const mine = { account: "contoso", connection: "" };
    expect(subtract(await readCounts(), before)).toEqual([
      { ...mine, reason: "link-id-mismatch", origin: "connection", connection: connectionName(PENDING), requests: 1 },
      { ...mine, reason: "link-id-mismatch", origin: "other", requests: 2 },
      { ...mine, reason: "not-private-link", origin: "public", requests: 1 },
      { ...mine, reason: "private-link", origin: "connection", connection: connectionName(OURS), requests: 2 },
      { account: null, connection: "", reason: "unknown-account", origin: "other", requests: 2 },
    ]);
    const bytes = (await readBytes()) - bytesBefore;
    const logged = lines.reduce((sum, line) => sum + line.bytes, 0);
    expect(bytes).toBeGreaterThanOrEqual(logged);
    expect(bytes).toBeLessThan(logged + lines.length * 1000); // one gate's log leaves out the heads of answers
  });

  test("comes once, although answers are lost, the line is cut and the api is killed", async () => {
    const burst = async () => {
      for (let request = 0; request < 10; request++) {
        await ask(linkAddress(OURS, "10.1.1.4"), `contoso.${ZONE.private}`);
      }
    };
    const heard = async () =>
      Number((await world.plane.query<{ sum: string }>("select sum(sequence) from reporters"))[0]?.sum ?? 0);
    await untilAllCounted();
    // The api takes the report, and its answer is lost.
    const known = await heard();
    one.line.set({ kind: "break-off", bytes: 0 });
    await burst();
    await until(
      async () => (await heard()) > known,
      () => "no report came",
    );
    one.line.set({ kind: "cut" });
    await burst();
    one.line.set({ kind: "open" });
    await untilAllCounted();

    await burst();
    await world.plane.killApi();
    await burst();
    await world.plane.launchApi();
    await untilAllCounted();
  });
});
