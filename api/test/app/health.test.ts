import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { accountPath, createAccount } from "../support/documents.ts";
import { until } from "../support/until.ts";

const listen = { host: "127.0.0.1", port: 0 };

let dataDir: string;
let server: EmbeddedPostgres;
let api: TestApi;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "linkgate-health-"));
  server = await startEmbeddedPostgres({ dataDir });
  api = await startTestApi({ databaseUrl: server.url, settings: { health: { listen } } });
});
afterAll(async () => {
  await api.stop();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function probe(path: string, method = "GET"): Promise<[number, string]> {
  const answer = await fetch(`${api.urls.healthUrl}${path}`, { method });
  return [answer.status, (await answer.text()).trim()];
}

it("says that the api lives and can serve, and nothing else to anybody", async () => {
  expect(await probe("/livez")).toEqual([200, "ok"]);
  // A database that takes two seconds for an answer, on a busy machine, counts as away.
  for (const [path, method, text] of [
    ["/readyz?verbose", "GET", "ok"],
    ["/readyz", "HEAD", ""],
  ] as const) {
    const [, said] = await until("it can serve", async () => {
      const answer = await probe(path, method);
      return answer[0] === 200 && answer;
    });
    expect(said).toBe(text);
  }
  expect(await probe("/")).toEqual([404, "not found"]);
  expect(await probe("/livez", "POST")).toEqual([404, "not found"]);
  expect(await probe(`${accountPath("any")}?api-version=2024-03-31`)).toEqual([404, "not found"]);
});

it("lives but can't serve while the database is away", async () => {
  await server.stop();
  expect(await probe("/readyz")).toEqual([503, "no database"]);
  expect(await probe("/livez")).toEqual([200, "ok"]);
  server = await startEmbeddedPostgres({ dataDir });
  await until("the api to be ready again", async () => (await probe("/readyz"))[0] === 200);
});

it("can't serve any more while it drains, and answers until it has", async () => {
  await createAccount(api.nrp, "draining");
  const other = new pg.Client({ connectionString: server.url });
  await other.connect();
  await other.query("begin");
  await other.query("select from accounts where account = 'draining' for update");
  const patch = api.customer.patch(accountPath("draining"), { tags: { late: "yes" } });
  await until("the request to wait for the account", async () => {
    const { rows } = await other.query("select from pg_locks where not granted");
    return rows.length > 0;
  });
  const stopped = api.urls.stop();
  expect(await probe("/readyz")).toEqual([503, "stopping"]);
  expect(await probe("/livez")).toEqual([200, "ok"]);
  await other.query("rollback");
  await other.end();
  expect((await patch).status).toBe(200);
  await stopped;
  const { port } = new URL(api.urls.healthUrl ?? "");
  await expect(
    new Promise((resolve, reject) =>
      createConnection(Number(port), "127.0.0.1", () => resolve(true)).on("error", reject),
    ),
  ).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
