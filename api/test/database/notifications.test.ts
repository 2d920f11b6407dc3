import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { channels } from "../../src/database/notifications.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let drop: () => Promise<void>;
let database: OpenDatabase;

beforeAll(async () => {
  const made = await createTestDatabase();
  drop = made.drop;
  database = openDatabase(made.url);
});
afterAll(async () => {
  await database.close();
  await drop();
});

const say = (text: string) => sql`select pg_notify(${channels.counts}, ${text})`.execute(database.db);

test("what is said of a topic comes to who listens; after the connection was lost, that some of it may be missing", async () => {
  const { notifications, db } = database;
  const heard: (string | undefined)[] = [];
  const others: (string | undefined)[] = [];
  const leave = notifications.listen("counts", said => heard.push(said));
  notifications.listen("changes", said => others.push(said));
  // Nobody says when listening has begun, so it is said until it is heard.
  await until("the first word", async () => {
    await say("1,2");
    return heard.length > 0;
  });
  expect(new Set(heard), "nothing may be missing yet").toEqual(new Set(["1,2"]));
  heard.length = 0;
  await sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and query like 'listen%'`.execute(db);
  await until("the word that some is missing", async () => heard.includes(undefined));
  await say("3");
  await until("a word of the new connection", async () => heard.includes("3"));
  leave();
  await say("4");
  await until("another listener to hear of its own topic", async () => {
    await sql`select pg_notify(${channels.changes}, 'x')`.execute(db);
    return others.includes("x");
  });
  expect(heard).not.toContain("4");
  expect(others).not.toContain("3");
});
