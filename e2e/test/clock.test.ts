import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFailed, test, vi } from "vitest";
import { gates, until } from "../gates/index.ts";
import type { Grant } from "../world/ledger.ts";
import { World, type WorldGate } from "../world/world.ts";

const ROOT = join(import.meta.dirname, "../..");
const LIBRARY = join(ROOT, ".cache/libfaketime/libfaketime.so.1");
const HOUR = 3600;

/** Proxies whose clock can be stepped, how they are run, and what keeps a variable in their workers' environment. */
const STEPPED: Record<string, { setting: string; command: string; options: string }> = {
  nginx: {
    setting: "LINKGATE_NGINX_COMMAND",
    command: join(ROOT, ".cache/nginx/bin/nginx"),
    options: "-g 'env FAKETIME_TIMESTAMP_FILE;'",
  },
};
/** Envoy's own allocator waits in libfaketime's start, which allocates in turn: it hangs before its first line. */
const NOT_STEPPED = "libfaketime can't be loaded into it; its follower's unit tests step its clocks";

// The wall clock of a running proxy is stepped, as by a person or a time server; its monotonic clock goes on as it was.
describe.each(gates)("a clock that steps, of $name (feed rule 15)", kind => {
  let dir: string;
  let world: World;
  let one: WorldGate;
  let steady: Grant;
  let said = "";

  beforeEach(async ({ skip }) => {
    const proxy = STEPPED[kind.name];
    if (proxy === undefined) return skip(NOT_STEPPED);
    if (!existsSync(LIBRARY)) return skip("setup could not get libfaketime");
    dir = mkdtempSync(join(tmpdir(), "lg-clock-"));
    const command = join(dir, kind.name);
    stepTo(0);
    const preload = `export LD_PRELOAD='${LIBRARY}' FAKETIME_TIMESTAMP_FILE='${join(dir, "clock")}'`;
    const options = "FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1";
    const script = `#!/bin/sh\n${preload} ${options}\nexec '${proxy.command}' ${proxy.options} "$@"\n`;
    writeFileSync(command, script, { mode: 0o755 });
    vi.stubEnv(proxy.setting, command);
    world = await World.start(kind, ["one"]);
    onTestFailed(() => console.log(said));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    said = await world.explain();
    expect(world.traffic.objections).toEqual([]);
    await world.stop();
    rmSync(dir, { recursive: true });
  });

  /** @param seconds ahead of the machine's clock; below 0: behind it */
  function stepTo(seconds: number): void {
    const aside = join(dir, "clock.new");
    writeFileSync(aside, seconds < 0 ? `${seconds}` : `+${seconds}`);
    renameSync(aside, join(dir, "clock")); // whoever reads it at this moment finds one or the other
  }

  async function start(maxTableAge: number): Promise<void> {
    one = await world.addGate("one", { maxTableAge });
    await world.createAccounts("harbor");
    steady = await world.arm.approve("harbor", 7000);
    await world.traffic.untilAdmitted(one.gate, steady);
    steady.settled = performance.now();
  }

  const ask = () => world.traffic.ask(one.gate, steady);

  /** A request looks at the wall clock alone; the monotonic one is looked at by a timer, within the barrier's margin (rule 24). */
  const untilUnavailable = () =>
    until(
      async () => (await ask()) === 503,
      () => `a link is admitted\n${one.gate.explain()}`,
    );

  /** A link is given and taken away again, as on any day. */
  async function expectFeedIsFollowed(linkId: number): Promise<void> {
    const grant = await world.arm.approve("harbor", linkId);
    await world.traffic.untilAdmitted(one.gate, grant);
    await world.arm.untilComplete(await world.arm.revoke(grant, "delete connection"), grant);
    expect(await world.traffic.ask(one.gate, grant)).toBe(403);
  }

  test("forward past the age limit while cut off: no link is admitted, until the feed is heard again", async () => {
    await start(HOUR);
    one.line.set({ kind: "cut" });
    expect(await ask()).toBe(200);
    stepTo(2 * HOUR);
    await untilUnavailable();
    expect(await one.gate.readState()).toMatchObject({ table: "expired" });
    one.line.set({ kind: "open" });
    await world.traffic.untilAdmitted(one.gate, steady);
    await expectFeedIsFollowed(7001);
  });

  test("back while cut off: the table's life is not longer for it, and ends by the monotonic clock", async () => {
    await start(5);
    one.line.set({ kind: "cut" });
    stepTo(-2 * HOUR);
    await one.gate.whenState(state => state.table === "expired");
    await untilUnavailable();
    stepTo(-4 * HOUR);
    expect(await ask()).toBe(503);
    one.line.set({ kind: "open" });
    await world.traffic.untilAdmitted(one.gate, steady);
    await expectFeedIsFollowed(7001);
  });

  test("to and fro while the feed is heard: changes go on to be followed", async () => {
    await start(HOUR);
    for (const [index, seconds] of [2 * HOUR, 0, -2 * HOUR, 24 * HOUR, -24 * HOUR, 0].entries()) {
      stepTo(seconds);
      await world.traffic.untilAdmitted(one.gate, steady);
      await expectFeedIsFollowed(7001 + index);
    }
  });
});
