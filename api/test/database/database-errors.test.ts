import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { isDatabaseUnavailable } from "../../src/database/database-errors.ts";
import { useTestDatabase } from "../support/postgres.ts";

const database = useTestDatabase();

test("a transaction that PostgreSQL has ended, since this process stood still in the middle of it, may succeed another time", async () => {
  const client = await database.open.pool.connect();
  try {
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    await client.query("set idle_in_transaction_session_timeout = 1");
    await client.query("begin");
    // As on a machine that stands still, nothing is read until PostgreSQL's process has ended: the next statement is sent before that.
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (existsSync(`/proc/${rows[0]?.pid}`)) Atomics.wait(pause, 0, 0, 5);
    const error = await client.query("select 1").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "25P03" });
    expect(isDatabaseUnavailable(error)).toBe(true);
  } finally {
    client.release(true);
  }
});
