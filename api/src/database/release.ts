import { sql } from "kysely";
import { enterCurrentEpoch, LARGEST_MAX_AGE } from "./epoch.ts";
import { type OpenDatabase, openDatabase } from "./open.ts";

/**
 * Releases a registry that is held after a change of epoch (feed rule 9): the platform engineer who calls it has
 * reconciled it with NRP, so the feed is served again. With `vouchGates` they also vouch that every gate process from
 * before the change has asked for the feed since, or is gone; without it running revocations wait for the largest age
 * limit. Returns what there is to say.
 */
export async function releaseRegistry({ db }: OpenDatabase, vouchGates: boolean): Promise<string> {
  const { epoch } = await enterCurrentEpoch(db);
  const before = await db.selectFrom("registry").selectAll().executeTakeFirstOrThrow();
  const after = await db
    .updateTable("registry")
    .set({ released: true, ...(vouchGates ? { gates_vouched: true } : {}) })
    .where("epoch", "=", epoch)
    .returningAll()
    .returning(
      sql<Date>`epoch_since + make_interval(secs => ${LARGEST_MAX_AGE * 1.01}::double precision)`.as("free_at"),
    )
    .executeTakeFirstOrThrow();
  const feed = before.released
    ? "The registry was not held; the feed is served."
    : `The registry is released; it was held since ${before.epoch_since.toISOString()}. The gates load it now.`;
  const barriers = after.gates_vouched
    ? "Revocations end when every gate has acknowledged them."
    : `Revocations do not end before ${after.free_at.toISOString()}: a gate that this registry has forgotten could still ` +
      "admit what they took away.\nIf every gate process from before the change has asked for the feed again or is gone, " +
      "say so: node api/src/database/release.ts --vouch-gates";
  return `${feed}\n${barriers}\n`;
}

const usage = `usage: DATABASE_URL=postgres://... node api/src/database/release.ts [--vouch-gates]

Releases a registry that is held after a restore or a failover. Reconcile it with NRP first: a restore can revive links
that Azure has given to others.
  --vouch-gates  also vouch that every gate process from before the change has asked for the feed since, or is gone
`;

if (import.meta.main) {
  const url = process.env.DATABASE_URL;
  const args = process.argv.slice(2);
  if (url === undefined || url === "" || args.some(arg => arg !== "--vouch-gates")) {
    process.stderr.write(usage);
    process.exit(64);
  }
  const database = openDatabase(url);
  try {
    process.stdout.write(await releaseRegistry(database, args.includes("--vouch-gates")));
  } catch (error) {
    process.stderr.write(`The registry was not released: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    await database.close();
  }
}
