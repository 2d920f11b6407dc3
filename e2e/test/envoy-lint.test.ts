import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, linkAddress, type RawRequest, type RawResponse, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { readConfiguration } from "../../deploy/envoy/lint/read.ts";
import { findMistakes } from "../../deploy/envoy/lint/rules.ts";
import { buildFilter } from "../../envoy-filter/build.ts";
import { type EnvoyGate, startEnvoy } from "../gates/envoy.ts";
import { RecordingUpstream, TestFeed, until, ZONE } from "../gates/index.ts";

// The mistakes that deploy/envoy/lint looks for, made in real Envoy: what each opens, or that a second lock holds.

const LINK = 822088585;
const OURS = linkAddress(LINK, "10.1.1.4");
const STRANGER = linkAddress(17, "10.2.0.5");
const HOST = `contoso.${ZONE.private}`;
const TEMPLATES = join(import.meta.dirname, "../../deploy/envoy");
const LINT = join(TEMPLATES, "lint.ts");
const FAULTY = join(import.meta.dirname, "../../envoy-filter/dist/faulty.wasm");

let folder: string;
let feed: TestFeed;
let upstream: RecordingUpstream;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lg-lint-"));
  feed = await TestFeed.start();
  feed.set("contoso", "disabled", [LINK]);
  feed.set("fabrikam", "disabled", [17]);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso", "fabrikam"]);
});
afterAll(async () => {
  await upstream?.stop();
  await feed?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

type Ask = (source: string, request?: Partial<RawRequest>, localAddress?: string) => Promise<RawResponse>;

let count = 0;

/** Starts a gate with a mistake in its listeners, and hands over how to ask it. */
async function withMistake(
  change: (template: string) => string,
  use: (ask: Ask, gate: EnvoyGate) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const templates = join(folder, String(++count));
  cpSync(TEMPLATES, templates, { recursive: true });
  const file = join(templates, "listeners.yaml.template");
  const template = readFileSync(file, "utf8");
  const changed = change(template);
  if (changed === template) throw new Error("the mistake is not in the configuration");
  writeFileSync(file, changed);
  const settings = { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, workers: 1 };
  const gate = await startEnvoy(settings, { LINKGATE_TEMPLATE_DIR: templates, ...env });
  onTestFailed(() => console.log(gate.explain()));
  upstream.requests.length = 0;
  try {
    const ask: Ask = (source, request, localAddress = "127.0.0.1") =>
      exchange({ ...gate.endpoints.proxy, localAddress }, { host: HOST, ...request }, writeProxyHeader({ source }));
    await use(ask, gate);
  } finally {
    await gate.stop();
  }
}

/** The rules that are broken, by the file that Envoy reads and by what it says it runs with: both must say the same. */
async function rulesOf(gate: EnvoyGate): Promise<string[]> {
  const file = readFileSync(join(gate.dir, "run/listeners.yaml"), "utf8");
  const dump = await gate.readAdmin("/config_dump");
  const [written, run] = [file, dump].map(text => [
    ...new Set(findMistakes(readConfiguration(text)).map(({ rule }) => rule)),
  ]);
  expect(run).toEqual(written);
  return run ?? [];
}

const replaceAll = (from: string, to: string) => (template: string) => template.replaceAll(from, () => to);

/** Puts a filter before the gate's, in every chain. */
const before = (filter: string) => (template: string) =>
  template.replace(/^( +)- name: linkgate\n/gm, (gate, indent: string) => `${indent}- ${filter}\n${gate}`);

test("our own configuration is clean, by the command too", async () => {
  await withMistake(
    template => `# changed\n${template}`,
    async (ask, gate) => {
      expect(await rulesOf(gate)).toEqual([]);
      const dump = await gate.readAdmin("/config_dump");
      const piped = spawnSync(process.execPath, [LINT], { input: dump, encoding: "utf8" });
      expect(piped).toMatchObject({ status: 0, stdout: "", stderr: "" });
      const files = ["envoy.yaml", "listeners.yaml"].map(name => join(gate.dir, "run", name));
      expect(spawnSync(process.execPath, [LINT, ...files], { encoding: "utf8" })).toMatchObject({
        status: 0,
        stdout: "",
      });
      expect((await ask(STRANGER)).status).toBe(403);
    },
  );
});

test("the command says what is wrong, and where; it ends with 1, or with 2 for what it can't read", () => {
  const configuration = `
static_resources:
  listeners:
  - name: front
    filter_chains:
    - name: all
      filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          route_config: { virtual_hosts: [{ routes: [{ route: { cluster: a } }] }] }
          http_filters: [{ name: envoy.filters.http.router }]
`;
  const run = (input: string) => spawnSync(process.execPath, [LINT], { input, encoding: "utf8" });
  const { status, stdout } = run(configuration);
  expect(status).toBe(1);
  expect(stdout).toBe(
    "front/all: [unchecked-pass] requests are forwarded without the gate's filter: whoever reaches this listener gets through\n" +
      "configuration: [no-gate] no listener has the gate's filter\n",
  );
  for (const input of ["", "{", "- just a list", '{"a": 1}']) expect(run(input).status, input).toBe(2);
});

describe("what opens a hole", () => {
  const forged = { headers: [["X-Forwarded-For", OURS]] as [string, string][] };

  test.for<[what: string, rule: string, change: (template: string) => string, request: Partial<RawRequest>]>([
    [
      "use_remote_address: false",
      "forged-source",
      replaceAll("use_remote_address: true", "use_remote_address: false"),
      forged,
    ],
    ["a trusted hop", "forged-source", replaceAll("xff_num_trusted_hops: 0", "xff_num_trusted_hops: 1"), forged],
    [
      "an address from a header",
      "forged-source",
      template =>
        template.replaceAll(
          /use_remote_address: true\n( +)xff_num_trusted_hops: 0\n/g,
          (_, indent: string) => `use_remote_address: false
${indent}original_ip_detection_extensions:
${indent}- name: envoy.http.original_ip_detection.custom_header
${indent}  typed_config:
${indent}    "@type": type.googleapis.com/envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig
${indent}    header_name: x-client
`,
        ),
      { headers: [["X-Client", OURS]] },
    ],
  ])("%s: %s, on a listener that does not keep the connection's own address", async ([, rule, change, request]) => {
    await withMistake(change, async (ask, gate) => {
      expect(await rulesOf(gate)).toContain(rule);
      const direct = () => exchange(gate.endpoints.direct, { host: HOST, ...request });
      for (const each of [{}, request]) expect((await ask(STRANGER, each)).status).toBe(403);
      expect((await direct()).status).toBe(403);
    });
    const forget = replaceAll("object_key: linkgate.connection", "object_key: linkgate.other");
    await withMistake(
      template => forget(change(template)),
      async (_, gate) => expect((await exchange(gate.endpoints.direct, { host: HOST, ...request })).status).toBe(200),
    );
  });

  test("everybody's PROXY header: wide-trust", async () => {
    const wide = replaceAll(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template's
      "direct_source_prefix_ranges: ${LINKGATE_LOAD_BALANCERS}",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template's
      "direct_source_prefix_ranges: [{ address_prefix: 0.0.0.0, prefix_len: 0 }] # ${LINKGATE_LOAD_BALANCERS}",
    );
    await withMistake(wide, async (ask, gate) => {
      expect(await rulesOf(gate)).toEqual(["wide-trust"]);
      expect((await ask(OURS, {}, "127.0.0.2")).status).toBe(200);
    });
  });

  test("a route that turns the gate's filter off: disabled-gate", async () => {
    const off = `typed_per_filter_config:
              linkgate:
                "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig
                disabled: true
                config: {}
            `;
    const change = (template: string) =>
      template
        .replace('domains: ["*"]\n', () => `domains: ["*"]\n            ${off}\n`)
        // With the gate the account goes as well; a cluster of its own makes up for that.
        .replaceAll("%FILTER_STATE(wasm.linkgate.account:PLAIN)%", "contoso");
    await withMistake(change, async (ask, gate) => {
      expect(await rulesOf(gate)).toContain("disabled-gate");
      const line = (await ask(STRANGER)).status;
      expect(line).not.toBe(403); // it was not judged
    });
  });

  test("FAIL_OPEN: what comes after a trap is not judged", async () => {
    const env = { LINKGATE_FILTER: buildFilter("test/wasm/faulty.ts", FAULTY) };
    await withMistake(
      replaceAll("failure_policy: FAIL_RELOAD", "failure_policy: FAIL_OPEN"),
      async (ask, gate) => {
        expect(await rulesOf(gate)).toEqual(["fail-open"]);
        expect((await ask(STRANGER)).status).toBe(403);
        await ask(STRANGER, { headers: [["x-test-trap", "1"]] });
        await until(
          async () => (await ask(STRANGER)).status !== 403,
          () => "it is still judged",
        );
      },
      env,
    );
  });

  test("local_reply_config: softened-denial", async () => {
    const change = replaceAll(
      "server_header_transformation: PASS_THROUGH\n",
      `server_header_transformation: PASS_THROUGH
        local_reply_config: { mappers: [{ filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 403, runtime_key: x } } } }, status_code: 200 }] }
`,
    );
    await withMistake(change, async (ask, gate) => {
      expect(await rulesOf(gate)).toEqual(["softened-denial"]);
      expect((await ask(STRANGER)).status).toBe(200);
      expect(upstream.requests).toEqual([]);
    });
  });

  test("headers with underscores: strange-headers", async () => {
    await withMistake(
      replaceAll("headers_with_underscores_action: DROP_HEADER", "headers_with_underscores_action: ALLOW"),
      async (ask, gate) => {
        expect(await rulesOf(gate)).toEqual(["strange-headers"]);
        expect((await ask(OURS, { headers: [["x_forwarded_for", STRANGER]] })).status).toBe(200);
        expect(upstream.requests.at(-1)?.headers.some(([name]) => name.toLowerCase() === "x_forwarded_for")).toBe(true);
        // The gate's own names are safe by its second lock: it deletes them in either spelling.
        expect((await ask(OURS, { headers: [["x_private_link_id", "17"]] })).status).toBe(200);
        expect(upstream.requests.at(-1)?.headers.some(([name]) => /x_private/i.test(name))).toBe(false);
      },
    );
  });

  test("a filter before the gate that answers: late-gate", async () => {
    const lua = `{ name: before, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: { inline_string: 'function envoy_on_request(h) h:respond({[":status"] = "200"}, "") end' } } }`;
    await withMistake(
      template =>
        before(lua)(template.replace(/\n# For probes[\s\S]*$/, "")) +
        (template.match(/\n# For probes[\s\S]*$/)?.[0] ?? ""),
      async (ask, gate) => {
        expect(await rulesOf(gate)).toEqual(["late-gate"]);
        expect((await ask(STRANGER)).status).toBe(200);
        expect(upstream.requests).toEqual([]);
      },
    );
  });
});

describe("where a second lock holds", () => {
  test("a direct_response is given to those alone whom the gate admits", async () => {
    const change = (template: string) =>
      template.replace(
        /^( +)routes:\n/m,
        (routes, indent: string) =>
          `${routes}${indent}- { match: { path: /metadata }, direct_response: { status: 299 } }\n`,
      );
    await withMistake(change, async (ask, gate) => {
      expect(await rulesOf(gate)).toEqual([]);
      expect((await ask(STRANGER, { target: "/metadata" })).status).toBe(403);
      expect((await ask(OURS, { target: "/metadata" })).status).toBe(299);
    });
  });

  test.for<[what: string, rule: string, change: (template: string) => string, target: string]>([
    [
      "normalize_path: false",
      "strange-target",
      replaceAll("normalize_path: true", "normalize_path: false"),
      "/x/../health/check",
    ],
    [
      "merge_slashes: false",
      "strange-target",
      replaceAll("merge_slashes: true", "merge_slashes: false"),
      "//health/check",
    ],
    [
      "escaped slashes",
      "strange-target",
      replaceAll(
        "path_with_escaped_slashes_action: REJECT_REQUEST",
        "path_with_escaped_slashes_action: KEEP_UNCHANGED",
      ),
      "/health%2fcheck",
    ],
  ])("%s: %s; a health check is one only as it goes on", async ([, rule, change, target]) => {
    await withMistake(change, async (ask, gate) => {
      expect(await rulesOf(gate)).toEqual([rule]);
      expect((await ask(STRANGER, { target })).status).toBe(403);
    });
  });
});
