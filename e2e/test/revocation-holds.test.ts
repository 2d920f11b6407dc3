import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { gates } from "../gates/index.ts";
import { signalIfAlive } from "../gates/processes.ts";
import type { Operation } from "../world/arm.ts";
import type { Grant } from "../world/ledger.ts";
import { Client } from "../world/traffic.ts";
import { World, type WorldGate, type WorldGateSettings } from "../world/world.ts";

const PATIENT = { maxTableAge: 3600 };
/** So short that a test can wait it out. It may be over before a test can look at anything that goes on meanwhile. */
const IMPATIENT = { maxTableAge: 3 };

// A gate that does not acknowledge holds a revocation open: until it does, is retired, or can't admit any more by its age.

describe.each(gates)("a revocation that $name holds open", kind => {
  let world: World;
  let held: WorldGate;
  /** Of the held gate, when its link was in force. */
  let incarnation = "";
  let count = 0;

  beforeAll(async () => {
    world = await World.start(kind, ["held", "well"]);
    await world.addGate("well");
  });
  afterAll(() => world?.stop());
  beforeEach(() => onTestFailed(async () => console.log(await world.explain())));
  afterEach(async () => {
    await world.removeGate(held);
    await world.retireAll("held");
    expect(world.traffic.objections).toEqual([]);
  });

  /** A link in force at both gates. */
  async function start(settings: WorldGateSettings): Promise<Grant> {
    held = await world.addGate("held", settings);
    const account = `account${++count}`;
    await world.createAccounts(account);
    const grant = await world.arm.approve(account, 5000 + count);
    for (const gate of world.gates) await world.traffic.untilAdmitted(gate, grant);
    ({ incarnation } = await held.gate.readState());
    return grant;
  }

  /** Revokes, and sees that it runs although the other gate has acknowledged it. */
  async function revokeAndSeeItHeld(grant: Grant): Promise<Operation> {
    const operation = await world.arm.revoke(grant, "delete connection");
    const [well = expect.fail()] = world.gates;
    while ((await world.traffic.ask(well, grant)) !== 403);
    await untilHeldAlone();
    expect(await world.arm.isComplete(operation, grant)).toBe(false);
    return operation;
  }

  /** Revokes, and waits for the end, which comes because the held gate was given up and for no other reason. */
  async function revokeAndSeeItGivenUp(grant: Grant): Promise<void> {
    await world.arm.untilComplete(await world.arm.revoke(grant, "delete connection"), grant);
    const views = await world.plane.engineer.listGates();
    expect(views.find(view => view.incarnation === incarnation)?.state).toBe("given-up");
  }

  /** Waits until it is the held gate, and no other, that the operation waits for. */
  async function untilHeldAlone(): Promise<void> {
    for (;;) {
      const waiting = (await world.plane.engineer.listGates()).filter(gate => gate.waiting.length > 0);
      if (waiting.length === 1 && waiting[0]?.name === "held") return;
      if (waiting.length === 0) throw new Error("nothing waits");
    }
  }

  test("frozen: it ends when the gate goes on, and nobody is admitted then", async () => {
    const grant = await start(PATIENT);
    await held.gate.freeze();
    const operation = await revokeAndSeeItHeld(grant);
    held.gate.thaw();
    await world.arm.untilComplete(operation, grant);
    expect(await world.traffic.ask(held.gate, grant)).toBe(403);
  });

  test("frozen for longer than its table lives: it ends meanwhile, and the gate wakes up without its table", async () => {
    const grant = await start(IMPATIENT);
    const waiting = await Client.open(held.gate, grant.linkId);
    await held.gate.freeze();
    await revokeAndSeeItGivenUp(grant);
    // Sent to a gate that is frozen: on a connection that it knows, and on new ones.
    const answers = [waiting, ...(await Promise.all([1, 2, 3].map(() => Client.open(held.gate, grant.linkId))))];
    const asked = answers.map(client => world.traffic.askOn(client, grant));
    held.gate.thaw();
    for (const status of await Promise.all(asked)) expect([0, 403, 421, 503]).toContain(status);
    for (const client of answers) client.close();
    await held.gate.whenState(state => state.table === "current" && state.incarnation !== incarnation);
    expect(await world.traffic.ask(held.gate, grant)).toBe(403);
  });

  test("cut off: it ends when the gate is back", async () => {
    const grant = await start(PATIENT);
    held.line.set({ kind: "cut" });
    const operation = await revokeAndSeeItHeld(grant);
    expect(await world.traffic.ask(held.gate, grant)).toBe(200); // which is why it is held
    held.line.set({ kind: "open" });
    await world.arm.untilComplete(operation, grant);
    expect(await world.traffic.ask(held.gate, grant)).toBe(403);
  });

  test.for(["cut", "hang"] as const)(
    "%s for longer than the table lives: it ends, and nobody is admitted",
    async kind => {
      const grant = await start(IMPATIENT);
      held.line.set({ kind });
      await revokeAndSeeItGivenUp(grant);
      expect(await world.traffic.ask(held.gate, grant)).toBe(503);
      expect((await held.gate.readState()).table).toBe("expired");
      held.line.set({ kind: "open" });
      await held.gate.whenState(state => state.table === "current");
      expect(await world.traffic.ask(held.gate, grant)).toBe(403);
    },
  );

  test("slow: it ends when the news have arrived", async () => {
    const grant = await start(PATIENT);
    held.line.set({ kind: "slow", ms: 400 });
    const operation = await world.arm.revoke(grant, "delete connection");
    // Whoever asks after the end and is admitted is an objection.
    while (!(await world.arm.isComplete(operation, grant))) await world.traffic.ask(held.gate, grant);
    expect(await world.traffic.ask(held.gate, grant)).toBe(403);
  });

  test("killed, with nobody to say goodbye: it ends when a platform engineer retires the gate", async () => {
    const grant = await start(PATIENT);
    await held.gate.kill();
    const operation = await revokeAndSeeItHeld(grant);
    await world.retireAll("held");
    await world.arm.untilComplete(operation, grant);
    await held.gate.launch();
    await held.gate.whenState(state => state.table === "current");
    expect(await world.traffic.ask(held.gate, grant)).toBe(403);
  });

  test("killed: it ends when the table that is gone could not live any more; the next process waits for nothing", async () => {
    const grant = await start(IMPATIENT);
    await held.gate.kill();
    await held.gate.launch(); // another incarnation does not speak for the old one (rule 11)
    await revokeAndSeeItGivenUp(grant);
    await held.gate.whenState(state => state.table === "current");
    expect(await world.traffic.ask(held.gate, grant)).toBe(403);
  });

  test("its master is killed: the supervisor says goodbye for it", async () => {
    const grant = await start(PATIENT);
    await held.gate.freeze("supervisor"); // or it would say goodbye before we can look
    const { workers } = await held.gate.readProcesses();
    await held.gate.kill("master");
    for (const pid of workers) signalIfAlive(pid, "SIGSTOP"); // they outlive it
    held.line.set({ kind: "hang" });
    const operation = await revokeAndSeeItHeld(grant);
    held.line.set({ kind: "open" });
    held.gate.thaw();
    await world.arm.untilComplete(operation, grant);
    expect(await world.traffic.ask(held.gate, grant)).not.toBe(200);
  });

  test("stopped as a person would: goodbye is said, and it ends", async () => {
    const grant = await start(PATIENT);
    held.line.set({ kind: "hang" });
    const operation = await revokeAndSeeItHeld(grant);
    held.line.set({ kind: "open" });
    expect(await held.gate.end()).toBe(0);
    await world.arm.untilComplete(operation, grant);
  });
});
