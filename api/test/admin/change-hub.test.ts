import { sql } from "kysely";
import { pino } from "pino";
import { expect, test } from "vitest";
import { createChangeHub } from "../../src/admin/changes/hub.ts";
import { useTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const database = useTestDatabase();

test("when listening has begun, also anew, everything has to be read again: another server may answer", async () => {
  const hub = createChangeHub(database.open, pino({ enabled: false }));
  let readAgain = 0;
  hub.listen(changed => {
    if (changed === undefined) readAgain += 1;
  });
  await until("the word of the first look, and the one after listening had begun", async () => readAgain === 2);
  const { rows } = await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen%'`.execute(database.open.db);
  expect(rows).toHaveLength(1);
  await until("the word after it had begun anew", async () => readAgain === 3);
  await hub.stop();
});
