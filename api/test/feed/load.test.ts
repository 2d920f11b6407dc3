import { sql } from "kysely";
import { expect, test } from "vitest";
import { changedAmong } from "../../src/feed/sweep.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { GateDouble, putConnection, startFeed } from "./kit.ts";

const ACCOUNTS = 100_000;

test(`a first load of ${ACCOUNTS} accounts with 3 links each is whole, and a change after it is found by the index`, async () => {
  const { url, drop } = await createTestDatabase();
  const feed = await startFeed(url);
  try {
    const { db } = feed.database;
    // A machine may be so busy that these take longer than a statement of the api may.
    await db.transaction().execute(async tx => {
      await sql`set local statement_timeout = 0`.execute(tx);
      await sql`insert into accounts select 'tenant-' || lpad(n::text, 6, '0'), 's', 'g', 'services', 'tenant-' || lpad(n::text, 6, '0'),
        'westeurope', 'fhir-R4', '{}', '{}', 'Enabled', 'Succeeded', '1', '{}' from generate_series(1, ${ACCOUNTS}::int) n`.execute(
        tx,
      );
      await sql`insert into feed select account, 1, pg_current_xact_id(), true, 'enabled',
        array[n * 3, n * 3 + 1, n * 3 + 2] from accounts, lateral (select substr(account, 8)::bigint as n) i`.execute(
        tx,
      );
    });
    const gate = new GateDouble(feed);
    const pages: string[] = [];
    for (let more = true; more; ) {
      const page = await (await gate.ask({ limit: 2000 })).text();
      pages.push(page);
      const [, cursor, last] = /^=(\S+)\t(more|done)\n$/m.exec(page) ?? [];
      gate.cursor = cursor ?? "";
      more = last === "more";
    }
    const text = pages.join("");
    expect(text.match(/^\+/gm)).toHaveLength(ACCOUNTS);

    await db.transaction().execute(tx => putConnection(tx, "tenant-050000", [42]));
    const base = (
      await db.selectFrom("cursors").select("sweep").where("cursor", "=", gate.cursor).executeTakeFirstOrThrow()
    ).sweep;
    const { rows: plan } = await sql`explain ${changedAmong([base])}`.execute(db);
    expect(JSON.stringify(plan)).toMatch(/Index (Only )?Scan using feed_by_writer/);
    expect(await gate.follow()).toEqual([{ account: "tenant-050000", version: 2, record: "enabled\t42" }]);
  } finally {
    await feed.close();
    await drop();
  }
});
