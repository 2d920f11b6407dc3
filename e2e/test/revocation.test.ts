import { chooseSeed } from "@linkgate/api/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { Random } from "../attackers/random.ts";
import { gates, until } from "../gates/index.ts";
import type { Revocation } from "../world/arm.ts";
import { Client } from "../world/traffic.ts";
import { World } from "../world/world.ts";

const ROUNDS = 5;
const CLIENTS = 50;
const LINKS = [822088585, 17, 302085607, 4294967295];
const WAYS: Revocation[] = ["delete connection", "delete proxy", "reject", "delete account"];

describe.each(gates)("revocation with $name", kind => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(kind, ["one", "other"]);
    await Promise.all([world.addGate("one"), world.addGate("other")]);
  });
  afterAll(() => world?.stop());
  beforeEach(() => onTestFailed(async () => console.log(await world.explain())));

  test("a connection that was opened when the link was another's brings nobody in (rule 28)", async () => {
    const [gate = expect.fail()] = world.gates;
    await world.createAccounts("alpine", "birch");
    const grant = await world.arm.approve("alpine", 4711);
    await world.traffic.untilAdmitted(gate, grant);
    // One that waits with its first request; one with half of it; one that has been used, before it was too old for that.
    const [silent, half] = [await Client.open(gate, 4711), await Client.open(gate, 4711)];
    let used = silent;
    await until(
      async () => {
        if (used !== silent) used.close();
        used = await Client.open(gate, 4711);
        return (await world.traffic.askOn(used, grant)) === 200;
      },
      () => "no connection was admitted while it was young",
    );
    half.send("GET /Patient?id=half HTTP/1.1\r\n");

    const operation = await world.arm.revoke(grant, "delete connection");
    const [next] = await Promise.all([world.arm.approve("birch", 4711), world.arm.untilComplete(operation, grant)]);
    await world.traffic.untilAdmitted(gate, next);
    expect([0, 421]).toContain(await world.traffic.askOn(used, next));
    expect([0, 421]).toContain(await world.traffic.askOn(silent, next));
    expect([0, 408, 421]).toContain(await half.finish("Host: birch.privatelink.azurehealthcareapis.com\r\n\r\n"));
    for (const client of [used, silent, half]) client.close();
    expect(world.traffic.objections).toEqual([]);
  });

  test("nor does it when the gate stands still, from its acknowledgement until the link is another's (rule 28)", async () => {
    const [gate = expect.fail()] = world.gates;
    await world.createAccounts("cedar", "dogwood");
    const grant = await world.arm.approve("cedar", 4712);
    await world.traffic.untilAdmitted(gate, grant);
    const old = await Promise.all(Array.from({ length: 20 }, () => Client.open(gate, 4712)));
    for (const client of old) await world.traffic.askOn(client, grant); // in use, lest a gate end it as idle
    const operation = await world.arm.revoke(grant, "delete connection");
    await until(
      async () => (await world.plane.engineer.listGates()).every(({ waiting }) => waiting.length === 0),
      () => "a gate does not acknowledge the revocation",
    );
    await gate.freeze();
    await world.arm.untilComplete(operation, grant);
    const next = await world.arm.approve("dogwood", 4712);
    // These come first when it goes on: before it hears that the link is another's, and before its timers.
    const early = Promise.all(old.map(client => world.traffic.askOn(client, next)));
    gate.thaw();
    const statuses = await early;
    await world.traffic.untilAdmitted(gate, next);
    statuses.push(...(await Promise.all(old.map(client => world.traffic.askOn(client, next)))));
    expect(statuses).not.toContain(200);
    for (const client of old) client.close();
    expect(world.traffic.objections).toEqual([]);
  });

  test(`${CLIENTS} connections hammer two gates while links go from tenant to tenant at once`, async () => {
    const seed = chooseSeed();
    onTestFailed(() => console.log(`LINKGATE_SEED=${seed}`));
    for (const linkId of LINKS) await world.createAccounts(...tenantsOf(linkId));
    for (const gate of world.gates) {
      world.traffic.start(gate, CLIENTS / 2, client => {
        const linkId = LINKS[client % LINKS.length] ?? 0;
        return { linkId, accounts: tenantsOf(linkId) };
      });
    }
    await Promise.all(LINKS.map((linkId, index) => passOn(linkId, new Random(seed, index))));
    expect(world.traffic.objections).toEqual([]);
    expect(world.upstream.problems).toEqual([]);
  });

  const tenantsOf = (linkId: number) => ["a", "b", "c"].map(letter => `${letter}${linkId}`);

  /** Gives a link to one tenant after the other, each as soon as it is taken from the one before. */
  async function passOn(linkId: number, random: Random): Promise<void> {
    let grant = await world.arm.approve(random.pick(tenantsOf(linkId)), linkId);
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(world.gates.map(gate => world.traffic.untilAdmitted(gate, grant)));
      await world.traffic.untilMore("admitted", 100);
      const next = random.pick(tenantsOf(linkId).filter(tenant => tenant !== grant.account));
      await world.arm.createAccount(next); // it may have been deleted
      const how = random.pick(WAYS);
      const operation = await world.arm.revoke(grant, how);
      // A rejected connection keeps its link (rule 27).
      const removal = how === "reject" ? await world.arm.revoke({ ...grant }, "delete connection") : null;
      const [later] = await Promise.all([
        world.arm.approve(next, linkId, random.pick(["auto", "manual"])),
        world.arm.untilComplete(operation, grant).then(() => world.arm.untilComplete(removal, { ...grant })),
      ]);
      await world.traffic.untilMore("sentAfterRevocation", 100);
      grant = later;
    }
  }
});
