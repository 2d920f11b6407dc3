import { setTimeout as pause } from "node:timers/promises";
import { ACCOUNT_BODY, accountPath } from "../../test/support/documents.ts";
import type { Random } from "../random.ts";
import type { Book } from "./ledger.ts";
import type { World } from "./world.ts";
import type { Writer } from "./writer.ts";

// What befalls the writers until the signal: replicas and gates that go, and everybody who wants the same.

/** Kills the replica of a slot and starts another, again and again. */
export async function killReplicas(world: World, slot: number, random: Random, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(1000 + random.below(7000), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const how = random.chance(0.6) ? "SIGKILL" : "SIGTERM";
    const code = await world.endReplica(slot, how);
    world.count(`replicas ended by ${how}`);
    if (how === "SIGTERM" && code !== "0") world.objections.add(`a replica that was told to stop ended with ${code}`);
    await world.startReplica(slot);
  }
}

/** Replaces gates by new ones: some say goodbye, the others are found silent, which revocations have to wait for. */
export async function killReaders(world: World, random: Random, signal: AbortSignal): Promise<void> {
  const { readers } = world;
  for (;;) {
    await pause(1500 + random.below(4000), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const [old] = readers.splice(random.below(readers.length), 1, world.newReader());
    if (old === undefined) continue;
    const isSilent = random.chance(0.3);
    await (isSilent ? old.die() : old.leave());
    world.count(isSilent ? "gates cut off" : "gates gone");
    world.countReader(old);
  }
}

/** Again and again all writers at once want the few places of a new account. */
export async function rush(world: World, writers: readonly Writer[], signal: AbortSignal): Promise<void> {
  const client = world.newClient();
  for (let n = 0; !signal.aborted; n++) {
    await pause(2000, undefined, { signal }).catch(() => {});
    const name = `rush-${n}`;
    const made = await client.put(accountPath(name), ACCOUNT_BODY).catch(() => undefined);
    if (made?.status !== 201) continue; // its replica has just been killed
    const account: Book = { name, exists: true, publicAccess: "Enabled", slots: new Set(), told: undefined };
    await Promise.all(writers.map(writer => writer.rush(account)));
    world.count("rushes");
  }
  await client.close();
}
