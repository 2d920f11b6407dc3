import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "undici";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { components, Stack } from "../src/index.ts";
import { createCustomer } from "../src/story/customer.ts";
import { createTokenSource } from "../src/token-source.ts";
import { subscriptionId, until } from "./support/azure.ts";
import { isRunning, readChildren } from "./support/stack.ts";

/** Whole stacks, on a machine that runs other tests as well. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

let state: string;
let stack: Stack;
let said: string[];
let failure: Error | undefined;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "linkgate-deaths-"));
  said = [];
  failure = undefined;
  stack = new Stack({
    state,
    report: line => said.push(line),
    failed: reason => {
      failure = reason;
    },
  });
  await stack.start();
});
afterEach(async () => {
  await stack?.stop();
  await rm(state, { recursive: true, force: true });
});

it.each(components)("brings back %s when it dies by itself, and says so", async part => {
  const before = await readChildren(state);
  process.kill(before[part] ?? 0, "SIGKILL");
  await until(`${part} is back`, () => said.find(line => line === `${part} is back.`));
  expect(said.find(line => line.startsWith(`${part} ended by itself`))).toMatch(/the end of|is empty/);
  const after = await readChildren(state);
  expect(after[part]).not.toBe(before[part]);
  expect(isRunning(after[part] ?? 0)).toBe(true);
  const customer = createCustomer(stack.description, "contributor");
  const list = `/subscriptions/${subscriptionId}/providers/Microsoft.HealthcareApis/services`;
  await until("the api answers", async () => ((await customer.call("GET", list)).status === 200 ? true : undefined));
  await customer.close();
  expect(failure).toBeUndefined();
});

it("vouches for the NGINX that it ended itself, so that no deletion waits for a dead gate", async () => {
  const { nginx = 0 } = await readChildren(state);
  process.kill(nginx, "SIGKILL");
  await until("nginx is back", () => said.find(line => line === "nginx is back."));
  const lives = (await listGates()).filter(gate => gate.name === "nginx");
  expect(lives.map(gate => gate.state).sort()).toEqual(["live", "retired"]);
});

async function listGates(): Promise<{ name: string; state: string }[]> {
  const { arm, rp } = stack.description;
  const engineer = arm.clients["platform-engineer"];
  const ca = await readFile(arm.caFile, "utf8");
  const source = createTokenSource({
    authority: { url: arm.authority },
    ca,
    application: { clientId: engineer?.clientId ?? "", secret: engineer?.clientSecret ?? "" },
    resource: "api://linkgate-admin",
  });
  const agent = new Agent({ connect: { ca } });
  try {
    const headers = { authorization: `Bearer ${await source.get()}` };
    const { body } = await agent.request({ origin: rp.adminUrl, path: "/admin/v1/gates", method: "GET", headers });
    return ((await body.json()) as { value: { name: string; state: string }[] }).value;
  } finally {
    await source.close();
    await agent.destroy();
  }
}

it("gives up, and stops it all, when a part dies again at once", async () => {
  const { api = 0, ...others } = await readChildren(state);
  process.kill(api, "SIGKILL");
  await until("api is back", () => said.find(line => line === "api is back."));
  process.kill((await readChildren(state)).api ?? 0, "SIGKILL");
  expect((await until("a failure", () => failure)).message).toContain("api could not be brought back");
  expect(existsSync(stack.paths.stackFile)).toBe(false);
  for (const [part, pid] of Object.entries(others)) expect(isRunning(pid), part).toBe(false);
});
