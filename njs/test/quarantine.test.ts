import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { linkAddress, RawConnection, writeProxyHeader, writeRequest } from "../testing/index.ts";
import { privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { TestWorld } from "./support/world.ts";

// Connections and the link quarantine, of a second here.

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");

let dir: string;
let world: TestWorld;
beforeAll(async () => {
  // NGINX itself would close a connection after the first request past half of the second; the gate must not rely on that.
  dir = mkdtempSync(join(tmpdir(), "lg-template-"));
  const template = readFileSync(join(import.meta.dirname, "../../deploy/nginx/nginx.conf.template"), "utf8");
  writeFileSync(join(dir, "template"), template.replace(/keepalive_time .*;/, "keepalive_time 1h;"));
  const settings = { LINKGATE_LINK_QUARANTINE: "1", LINKGATE_TEMPLATE: join(dir, "template") };
  world = await TestWorld.start(feed => feed.set("contoso", "enabled", [LINK]), settings);
});
afterAll(async () => {
  await world.stop();
  rmSync(dir, { recursive: true });
});
beforeEach(() => world.gate.explainFailure());

test("a connection that is older than it brings no request by link (rule 28)", async () => {
  world.upstream.delayMs = 1100;
  const header = writeProxyHeader({ source: SOURCE });
  const connection = await RawConnection.open({ port: world.gate.ports.proxy }, header);
  const target = uniqueTarget();
  // A health check is admitted at any age; the next request is there already, and has its turn when that has its answer.
  const health = writeRequest({ host: privateHost("contoso"), target: "/health/check" });
  connection.send(Buffer.concat([health, writeRequest({ host: privateHost("contoso"), target })]));
  expect((await connection.readResponse()).status).toBe(200);
  expect((await connection.readResponse()).status).toBe(421);
  expect(await world.gate.logOf(target)).toMatchObject({ verdict: "deny", reason: "old-connection" });
  connection.close();
  world.upstream.delayMs = 0;
});

test("a connection that is idle for half of it is closed", async () => {
  const connection = await RawConnection.open({ port: world.gate.ports.direct });
  connection.send(writeRequest({ host: publicHost("contoso") }));
  expect((await connection.readResponse()).header("connection")).toBe("keep-alive");
  expect(await connection.readToEnd()).toHaveLength(0);
});
