import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { gates, until } from "../gates/index.ts";
import type { Grant } from "../world/ledger.ts";
import { World, type WorldGate } from "../world/world.ts";

const CLIENTS = 20;
const LINKS = [101, 102];

// What an operator does to a gate while links are given and taken, and clients ask without a pause.

describe.each(gates)("revocation while $name changes", kind => {
  let world: World;
  let changed: WorldGate;

  beforeAll(async () => {
    world = await World.start(kind, ["changed"]);
    changed = await world.addGate("changed", { maxTableAge: 3600, drainTimeout: 5 });
    for (const linkId of LINKS) await world.createAccounts(...tenantsOf(linkId));
    world.traffic.start(changed.gate, CLIENTS, client => {
      const linkId = LINKS[client % LINKS.length] ?? 0;
      return { linkId, accounts: tenantsOf(linkId) };
    });
  });
  afterAll(() => world?.stop());
  beforeEach(() => onTestFailed(async () => console.log(await world.explain())));

  const tenantsOf = (linkId: number) => [`a${linkId}`, `b${linkId}`];

  /** Gives each link to its tenants by turns, as fast as that goes, while something happens to the gate; three times more after. */
  async function whileLinksMove(happens: () => Promise<void>): Promise<void> {
    let isOver = false;
    const move = async (linkId: number) => {
      for (let more = 3, turn = 0; more > 0; turn++) {
        if (isOver) more--;
        const grant = await world.arm.approve(tenantsOf(linkId)[turn % 2] ?? "", linkId);
        const operation = await world.arm.revoke(grant, turn % 3 === 0 ? "delete proxy" : "delete connection");
        await world.arm.untilComplete(operation, grant);
      }
    };
    const moving = Promise.all(LINKS.map(move));
    const happening = happens().finally(() => {
      isOver = true;
    });
    await Promise.allSettled([moving, happening]);
    await happening;
    await moving;
    expect(world.traffic.objections).toEqual([]);
  }

  async function grantAndSee(linkId: number): Promise<Grant> {
    const grant = await world.arm.approve(`a${linkId}`, linkId);
    await world.traffic.untilAdmitted(changed.gate, grant);
    await world.arm.untilComplete(await world.arm.revoke(grant, "delete connection"), grant);
    return grant;
  }

  test("reloads: no request is denied that is due, and the incarnation stays", async () => {
    await world.createAccounts("steady");
    const steady = await world.arm.approve("steady", 103);
    await world.traffic.untilAdmitted(changed.gate, steady);
    steady.settled = performance.now();
    world.traffic.start(changed.gate, 4, () => ({ linkId: 103, accounts: ["steady"] }));
    const { incarnation, generation } = await changed.gate.readState();
    await whileLinksMove(async () => {
      for (let time = 0; time < 3; time++) await changed.gate.reload();
    });
    expect(await changed.gate.readState()).toMatchObject({ incarnation, generation, table: "current" });
    expect(world.traffic.counts.unavailable).toBe(0);
  });

  test("reloads with another size of the table: the gate loads anew, and nobody is admitted by what is left", async ({
    skip,
  }) => {
    if (kind.name !== "nginx") skip("its table has no size that could be changed");
    for (const tableSize of ["8m", "2m"]) {
      await whileLinksMove(() => changed.gate.reload({ tableSize }));
      await changed.gate.whenState(state => state.table === "current");
      await until(
        async () => (await world.traffic.ask(changed.gate, { account: "steady", linkId: 103 })) === 200,
        () => `who has been admitted all the time no longer is\n${changed.gate.explain()}`,
      );
      await grantAndSee(101);
    }
    expect(world.traffic.objections).toEqual([]);
  });

  test("is asked to change its binary: that needs a stop and a start under a supervisor", async ({ skip }) => {
    if (kind.name !== "nginx") skip("its processes don't replace their binary");
    const before = await changed.gate.readState();
    const { master, workers } = await changed.gate.readProcesses();
    await whileLinksMove(async () => {
      process.kill(master, "SIGUSR2");
      // NGINX takes no USR2 in the foreground, where whoever started it still watches it.
      await until(
        () => changed.gate.explain().includes("the changing binary signal is ignored"),
        () => `NGINX says nothing of it: ${changed.gate.explain()}`,
      );
    });
    expect(await changed.gate.readState()).toMatchObject({ incarnation: before.incarnation, table: "current" });
    expect(await changed.gate.readProcesses()).toMatchObject({ master, workers });
  });

  test("is stopped and started: goodbye ends every wait, and the next one loads", async () => {
    await whileLinksMove(async () => {
      const { incarnation } = await changed.gate.readState();
      expect(await changed.gate.end()).toBe(0);
      await changed.gate.launch();
      const after = await changed.gate.whenState(state => state.table === "current");
      expect(after.incarnation).not.toBe(incarnation);
    });
    await grantAndSee(101);
  });
});
