import { sql } from "kysely";
import { expect, test } from "vitest";
import { channels } from "../../src/database/notifications.ts";
import { useTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const database = useTestDatabase();
const say = (text: string) => sql`select pg_notify(${channels.counts}, ${text})`.execute(database.open.db);

test("what is said of a topic comes to who listens; and that some of it may have been missed, whenever listening begins", async () => {
  const { notifications, db } = database.open;
  const heard: (string | undefined)[] = [];
  const others: (string | undefined)[] = [];
  const leave = notifications.listen("counts", said => heard.push(said));
  notifications.listen("changes", said => others.push(said));
  await until("listening to begin", async () => heard.length > 0);
  expect(heard, "what was said before").toEqual([undefined]);
  await say("1,2");
  await until("the first word", async () => heard.includes("1,2"));
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
