import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Agent } from "undici";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { adminAudience, subscriptionId } from "../src/authority/applications.ts";
import { resourceGroup } from "../src/services.ts";
import { Stack } from "../src/stack/stack.ts";
import { type Customer, createCustomer } from "../src/story/customer.ts";
import { askGate, type GateOutcome } from "../src/story/gate-client.ts";
import { createTokenSource } from "../src/token-source.ts";
import { type Json, until } from "./support/azure.ts";

// A backup of PostgreSQL's files is put back under a running api and a running NGINX gate, as in docs/operate/restore.md.

/** Whole stacks, on a machine that runs other tests as well. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

const run = promisify(execFile);
const group = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
const accountId = (account: string) => `${group}/providers/Microsoft.HealthcareApis/services/${account}`;
const endpointId = (name: string) => `${group}/providers/Microsoft.Network/privateEndpoints/${name}`;

let folder: string;
let stack: Stack;
let owner: Customer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-restore-"));
  stack = new Stack({ state: join(folder, "state"), report: () => {}, failed: reason => console.error(reason) });
  await stack.start();
  owner = createCustomer(stack.description, "contributor");
});

afterEach(async () => {
  await owner?.close();
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function createAccount(account: string): Promise<void> {
  const body = { kind: "fhir-R4", location: "westus2", properties: { publicNetworkAccess: "Disabled" } };
  expect(await owner.finish("PUT", accountId(account), body)).toMatchObject({ status: 201 });
}

/** Connects an endpoint, approved at once, and returns the address that its link gives a client. */
async function connect(name: string, account: string): Promise<{ address: string; link: string }> {
  const service = { name: "fhir", properties: { privateLinkServiceId: accountId(account), groupIds: ["fhir"] } };
  await owner.finish("PUT", endpointId(name), {
    location: "westus2",
    properties: {
      subnet: { id: `${group}/providers/Microsoft.Network/virtualNetworks/${account}/subnets/clients` },
      privateLinkServiceConnections: [service],
    },
  });
  const { body } = await owner.call("GET", `${endpointId(name)}/sandboxLinks`);
  const [found] = (body as Json).value;
  return { address: found.linkAddress, link: found.linkIdentifier };
}

const ask = (account: string, source: string): Promise<GateOutcome> =>
  askGate(stack.description, {
    host: `${account}.${stack.description.zone.private}`,
    path: "/Patient",
    source,
    way: "PROXY v2",
  });
const becomes = (reason: string, account: string, source: string) =>
  until(`${account} from ${source}: ${reason}`, async () =>
    (await ask(account, source)).reason === reason ? true : undefined,
  );

/** The admin API, as a platform engineer calls it. */
async function administer(
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<{ status: number; body: Json }> {
  const { arm, rp } = stack.description;
  const ca = readFileSync(arm.caFile, "utf8");
  const client = arm.clients["platform-engineer"];
  const application = { clientId: client?.clientId ?? "", secret: client?.clientSecret ?? "" };
  const source = createTokenSource({ authority: { url: arm.authority }, ca, application, resource: adminAudience });
  const agent = new Agent({ connect: { ca } });
  try {
    const answer = await agent.request({
      origin: rp.adminUrl,
      path: `/admin/v1/${path}`,
      method,
      headers: {
        authorization: `Bearer ${await source.get()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: answer.statusCode, body: await answer.body.json() };
  } finally {
    await source.close();
    await agent.destroy();
  }
}

it("a restored backup revives nothing: held, reconciled with NRP, released, and the gate never admits the old link", async () => {
  for (const account of ["alpha", "beta"]) await createAccount(account);
  const old = await connect("pe-old", "alpha");
  const staying = await connect("pe-staying", "alpha");
  await becomes("private-link", "alpha", old.address);
  await stack.whileDatabaseRests(async data => void (await run("cp", ["-a", data, join(folder, "backup")])));
  await becomes("private-link", "alpha", staying.address);

  // After the backup the endpoint goes, and Azure gives its link to another tenant at once.
  await until("the api answers", async () =>
    (await owner.call("GET", accountId("alpha"))).status === 200 ? true : undefined,
  );
  await owner.finish("DELETE", endpointId("pe-old"));
  const reused = await connect("pe-new", "beta");
  expect(reused.link, "the sandbox reuses a link at once").toBe(old.link);
  await becomes("private-link", "beta", reused.address);
  expect((await ask("alpha", old.address)).reason).toBe("link-id-mismatch");

  let isOver = false;
  const seen = new Set<string>();
  const watching = (async () => {
    // From the restore to the end: whoever has the link now must never be admitted to alpha.
    while (!isOver) seen.add((await ask("alpha", reused.address)).reason);
  })();
  try {
    await stack.whileDatabaseRests(async data => {
      await rm(data, { recursive: true });
      await run("cp", ["-a", join(folder, "backup"), data]);
    });
    await until("the registry is held", async () =>
      (await administer("GET", "registry")).body.state === "held" ? true : undefined,
    );
    expect((await ask("beta", reused.address)).reason, "the gate goes on with its table").toBe("private-link");
    expect((await ask("alpha", staying.address)).reason).toBe("private-link");
    expect(await administer("POST", "registry/release")).toMatchObject({ status: 409 });

    const { status, body: report } = await administer("POST", "registry/reconcile");
    expect(status, JSON.stringify(report)).toBe(200);
    expect(report).toMatchObject({ complete: true, connections: 2, unanswered: [] });
    expect(report.changed).toMatchObject([
      {
        id: expect.stringContaining("/alpha/privateEndpointConnections/pe-old."),
        text: expect.stringContaining("no longer"),
      },
    ]);
    expect(report.open).toMatchObject([{ id: expect.stringContaining("/beta/privateEndpointConnections/pe-new.") }]);
    expect(await administer("POST", "registry/release", { vouchGates: true })).toMatchObject({
      status: 200,
      body: { state: "served" },
    });
    // Whatever came after the backup is gone until NRP says it again: beta's endpoint, which NRP PUTs once the link is free.
    await becomes("private-link-not-enabled", "beta", reused.address);
    expect((await ask("alpha", staying.address)).reason).toBe("private-link");
    await until("beta's endpoint is connected again", async () => {
      await connect("pe-new", "beta").catch(() => {});
      const { body } = await owner.call("GET", endpointId("pe-new"));
      return (body as Json).properties.provisioningState === "Succeeded" ? true : undefined;
    });
    await becomes("private-link", "beta", reused.address);
  } finally {
    isOver = true;
    await watching;
  }
  expect([...seen]).toEqual(["link-id-mismatch"]);
});

it("a deleted account tells its endpoints at NRP, and goes only when NRP has heard", async () => {
  await createAccount("gamma");
  await connect("pe-gamma", "gamma");
  await owner.finish("DELETE", accountId("gamma"));
  expect((await owner.call("GET", accountId("gamma"))).status).toBe(404);
  const { body } = await owner.call("GET", endpointId("pe-gamma"));
  const [connection] = (body as Json).properties.privateLinkServiceConnections;
  expect(connection.properties.privateLinkServiceConnectionState).toMatchObject({ status: "Disconnected" });
  const log = readFileSync(stack.paths.apiLog, "utf8");
  expect(log).toContain("NRP was told of a connection");
  await owner.finish("DELETE", endpointId("pe-gamma"));
});
