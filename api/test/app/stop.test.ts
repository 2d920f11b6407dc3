import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import { accountPath, createAccount } from "../support/documents.ts";
import { until } from "../support/until.ts";

let api: TestApi;
let stopped = false;

beforeAll(async () => {
  api = await startTestApi();
  await createAccount(api.nrp, "stopping");
});
afterAll(async () => {
  if (!stopped) await api.stop();
});

it("lets running requests end, ends held-back polls, and refuses new ones", async () => {
  const gate = api.gate();
  await gate.sweep();
  const poll = gate.sweep(30);
  const other = new pg.Client({ connectionString: api.databaseUrl });
  await other.connect();
  await other.query("begin");
  await other.query("select from accounts where account = 'stopping' for update");
  const patch = api.customer.patch(accountPath("stopping"), { tags: { late: "yes" } });
  await until("the request to wait for the account", async () => {
    const { rows } = await other.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  });

  let ended = false;
  const stop = api.urls.stop().then(() => {
    ended = true;
  });
  await poll;
  await until("new connections to be refused", async () => {
    return await fetch(`${api.urls.feedUrl}/gate/v1/changes`).then(
      () => false,
      () => true,
    );
  });
  expect(ended).toBe(false);
  await other.query("rollback");

  expect(await patch).toMatchObject({ status: 200, body: { tags: { late: "yes" } } });
  await stop;
  await other.end();
  stopped = true;
  await api.stop();
});
