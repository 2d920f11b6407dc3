import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { createEnvoy, type EnvoyGate, startEnvoy } from "../gates/envoy.ts";
import { RecordingUpstream, TestFeed, until, ZONE } from "../gates/index.ts";

// Several instances of the filter in one Envoy, as gateways and meshes load them: no bootstrap extension, any vm_id.

const LINK = 822088585;
const ROUNDS = 20;
const TEMPLATES = join(import.meta.dirname, "../../deploy/envoy");

let folder: string;
let feed: TestFeed;
let second: TestFeed;
let upstream: RecordingUpstream;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lg-instances-"));
  [feed, second] = [await TestFeed.start(), await TestFeed.start()];
  second.tokens.add(""); // its cluster has no injector
  feed.set("contoso", "enabled", [LINK]);
  second.set("fabrikam", "enabled", []);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso", "fabrikam"]);
});
afterAll(async () => {
  await upstream?.stop();
  for (const each of [feed, second]) await each?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const settings = () => ({ feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, workers: 3 });

/** Counts the polls of a feed that wait now. */
function watchPolls(of: TestFeed): { waiting: number } {
  const seen = { waiting: 0 };
  of.misbehave = (poll, answer) => {
    seen.waiting++;
    answer.once("close", () => {
      seen.waiting--;
    });
    of.answer(poll, answer);
  };
  return seen;
}

/** What each listener answers to a request for an account's public host. */
async function ask(gate: EnvoyGate, listener: "direct" | "public", account: string): Promise<number> {
  return (await exchange(gate.endpoints[listener], { host: `${account}.${ZONE.public}` })).status;
}

/** Copies the templates with another `public` listener. @returns their folder */
function changeTemplates(name: string, change: (listeners: string, bootstrap: string) => [string, string]): string {
  const templates = join(folder, name);
  cpSync(TEMPLATES, templates, { recursive: true });
  const files = ["listeners.yaml.template", "envoy.yaml.template"].map(file => join(templates, file));
  const [listeners = "", bootstrap = ""] = files.map(file => readFileSync(file, "utf8"));
  const changed = change(listeners, bootstrap);
  expect(changed).not.toEqual([listeners, bootstrap]);
  for (const [at, file] of files.entries()) writeFileSync(file, changed[at] ?? "");
  return templates;
}

/** Gives the `public` listener's instance a VM of its own. */
function giveOwnVm(listeners: string, vmId: string): string {
  return listeners.replace(
    /(name: linkgate_public\n(?:.*\n){3,5}? *vm_config: )\*vm\n/,
    `$1{ vm_id: "${vmId}", runtime: envoy.wasm.runtime.v8, code: { local: { filename: "\${LINKGATE_FILTER}" } } }\n`,
  );
}

test("five instances in four threads: one follower, one incarnation, one acknowledgement for all", async () => {
  const gate = await startEnvoy(settings());
  onTestFailed(() => console.log(gate.explain()));
  try {
    const from = feed.polls.length;
    const seen = watchPolls(feed);
    const header = writeProxyHeader({ source: linkAddress(LINK, "10.1.1.4") });
    let crowded = 0;
    for (let round = 0; round < ROUNDS; round++) {
      feed.set("contoso", round % 2 === 0 ? "disabled" : "enabled", round % 2 === 0 ? [] : [LINK]);
      await feed.acknowledged();
      if (seen.waiting > 1) crowded++;
      const expected = round % 2 === 0 ? 403 : 200;
      for (const listener of ["direct", "public"] as const) expect(await ask(gate, listener, "contoso")).toBe(expected);
      const byLink = await exchange(gate.endpoints.proxy, { host: `contoso.${ZONE.private}` }, header);
      expect(byLink.status).toBe(expected);
    }
    // A follower that stands still for longer than its lease leaves a poll behind when another takes over, until the next change.
    expect(crowded).toBeLessThan(ROUNDS / 2);
    const { incarnation } = await gate.readState();
    expect(new Set(feed.polls.slice(from).map(poll => poll.incarnation))).toEqual(new Set([incarnation]));
  } finally {
    feed.misbehave = null;
    await gate.stop();
  }
});

test("an Envoy on the addresses of another does not start, and says no goodbye for that one, which still admits (rule 22)", async () => {
  const gate = await startEnvoy(settings());
  onTestFailed(() => console.log(gate.explain()));
  const addresses = Object.entries(gate.env).filter(([name]) => name.endsWith("_LISTEN"));
  const second = await createEnvoy(settings(), Object.fromEntries(addresses));
  try {
    await expect(second.launch()).rejects.toThrow("Envoy has ended; its log says");
    const { incarnation } = await gate.readState();
    expect(feed.polls.filter(poll => poll.isGoodbye && poll.incarnation === incarnation)).toEqual([]);
    const header = writeProxyHeader({ source: linkAddress(LINK, "10.1.1.4") });
    expect((await exchange(gate.endpoints.proxy, { host: `contoso.${ZONE.private}` }, header)).status).toBe(200);
  } finally {
    await second.stop();
    await gate.stop();
  }
});

describe("two gates in one Envoy", () => {
  test.for([
    ["of one vm_id", null],
    ["of two vm_ids", "another"],
    ["one of them without a vm_id", ""],
  ] as const)("%s: each has its own feed and its own table", async ([name, vmId]) => {
    const port = new URL(second.url).port;
    const templates = changeTemplates(name.replaceAll(" ", "-"), (listeners, bootstrap) => [
      (vmId === null ? listeners : giveOwnVm(listeners, vmId)).replace(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template's
        '{"listener":"public",${LINKGATE_FILTER_SETTINGS}}',
        `{"listener":"public",\${LINKGATE_FILTER_SETTINGS},"gate":"second","feedAuthority":"127.0.0.1:${port}","feedCluster":"second"}`,
      ),
      `${bootstrap}
  - name: second
    type: STATIC
    load_assignment:
      cluster_name: second
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }]
`,
    ]);
    const gate = await startEnvoy(settings(), { LINKGATE_TEMPLATE_DIR: templates });
    onTestFailed(() => console.log(gate.explain()));
    try {
      feed.set("contoso", "enabled", [LINK]);
      await feed.acknowledged();
      await until(
        async () => (await ask(gate, "public", "fabrikam")) === 200,
        () => "the second gate has no table",
      );
      const all = () =>
        Promise.all([
          ask(gate, "direct", "contoso"),
          ask(gate, "direct", "fabrikam"),
          ask(gate, "public", "contoso"),
          ask(gate, "public", "fabrikam"),
        ]);
      for (let round = 0; round < 10; round++) expect(await all()).toEqual([200, 403, 403, 200]);
      // What one feed takes away, only its own gate takes away.
      second.set("contoso", "disabled", []);
      second.set("fabrikam", "disabled", []);
      await second.acknowledged();
      expect(await all()).toEqual([200, 403, 403, 403]);
      second.set("fabrikam", "enabled", []);
      await second.acknowledged();
      expect(await all()).toEqual([200, 403, 403, 200]);
      const last = (of: TestFeed) => of.polls.at(-1);
      expect(last(feed)?.gate).toBe("test-gate");
      expect(last(second)?.gate).toBe("second");
      expect(last(second)?.incarnation).not.toBe(last(feed)?.incarnation);
      expect(second.polls.every(poll => poll.token === "")).toBe(true); // the first gate's token goes to its feed alone
    } finally {
      await gate.stop();
    }
  });

  test("instances of one gate with two vm_ids: two tables, two incarnations, and both acknowledge", async () => {
    const templates = changeTemplates("two-vms", (listeners, bootstrap) => [
      giveOwnVm(listeners, "another"),
      bootstrap,
    ]);
    const gate = await startEnvoy(settings(), { LINKGATE_TEMPLATE_DIR: templates });
    onTestFailed(() => console.log(gate.explain()));
    try {
      feed.set("contoso", "disabled", []);
      const from = feed.polls.length;
      const [one] = [await feed.acknowledged()];
      // The registry waits for every incarnation it has heard of: here for the other one, too.
      const other = await until(
        () => feed.polls.slice(from).find(poll => poll.incarnation !== one.incarnation && poll.cursor !== ""),
        () => "one incarnation alone",
      );
      expect(other.incarnation).not.toBe(one.incarnation);
      await until(
        async () => (await ask(gate, "direct", "contoso")) === 403 && (await ask(gate, "public", "contoso")) === 403,
        () => "a table is the old one",
      );
    } finally {
      await gate.stop();
    }
  });
});
