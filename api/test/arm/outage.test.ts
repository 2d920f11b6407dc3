import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  createAccount,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";
import { until } from "../support/until.ts";

let dataDir: string;
let server: EmbeddedPostgres;
let api: TestApi;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "linkgate-outage-"));
  server = await startEmbeddedPostgres({ dataDir });
});
afterAll(async () => {
  await api?.stop();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

it("waits for a database that is still starting, and says so", async () => {
  await server.stop();
  const logged: string[] = [];
  const starting = startTestApi({ databaseUrl: server.url, logged });
  await until("a line about waiting", async () => logged.some(line => line.includes("waiting for the database")));
  server = await startEmbeddedPostgres({ dataDir });
  api = await starting;
  await createAccount(api.nrp, "outage");
});

it("answers 503 while the database is away, and goes on when it is back", async () => {
  const gate = api.gate();
  expectStatus(await api.nrp.put(proxyPath("outage", "pe"), proxyBody("pe", "auto", [nextLinkId()])), 201);
  await gate.catchUp();
  const deleted = expectStatus(await api.nrp.delete(connectionPath("outage", "pe")), 202);

  await server.stop();
  for (const call of [
    () => api.customer.get(accountPath("outage")),
    () => api.customer.get(accountPath("outage")),
    () => api.nrp.put(accountPath("another"), ACCOUNT_BODY),
    () => api.nrp.delete(accountPath("outage")),
    () => api.customer.get(deleted.headers.location ?? ""),
  ]) {
    const answer = await call();
    expect(answer, answer.text).toMatchObject({ status: 503, body: { error: { code: "ServiceUnavailable" } } });
    expect(answer.headers["retry-after"]).toBe("1");
    expect(answer.text).not.toMatch(/ECONN|terminat|postgres/i);
  }
  server = await startEmbeddedPostgres({ dataDir });

  await until(
    "the registry to answer again",
    async () => (await api.customer.get(accountPath("outage"))).status === 200,
  );
  await gate.catchUp();
  await until(
    "the operation to end",
    async () => (await api.customer.get(connectionPath("outage", "pe"))).status === 404,
  );
});

it("survives a database that is restarted under load", async () => {
  let running = true;
  const statuses = new Set<number>();
  const load = Array.from({ length: 3 }, async (_, index) => {
    for (let turn = 0; running; turn++) {
      const answer = await api.nrp.put(accountPath(`load${index}`), { ...ACCOUNT_BODY, tags: { turn: String(turn) } });
      statuses.add(answer.status);
    }
  });
  await until("requests to be answered", async () => statuses.has(200));
  await server.stop();
  await until("requests to be refused", async () => statuses.has(503));
  server = await startEmbeddedPostgres({ dataDir });
  statuses.delete(200);
  await until("requests to be answered again", async () => statuses.has(200));
  running = false;
  await Promise.all(load);
  expect([...statuses].filter(status => ![200, 201, 503].includes(status))).toEqual([]);
});
