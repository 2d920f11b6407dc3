import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exchange, linkAddress, type RawRequest, type RawResponse, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDump } from "../../deploy/nginx/lint/dump.ts";
import { findMistakes } from "../../deploy/nginx/lint/rules.ts";
import { type GateUnderTest, RecordingUpstream, startGate, TestFeed, ZONE } from "../gates/index.ts";
import { nginx } from "../gates/nginx.ts";

// The mistakes that deploy/nginx/lint looks for, made in real NGINX: what each opens, or that a second lock holds.

const LINK = 822088585;
const OURS = linkAddress(LINK, "10.1.1.4");
const STRANGER = linkAddress(17, "10.2.0.5");
const HOST = `contoso.${ZONE.private}`;

let feed: TestFeed;
let upstream: RecordingUpstream;

beforeAll(async () => {
  feed = await TestFeed.start();
  feed.set("contoso", "disabled", [LINK]);
  feed.set("fabrikam", "disabled", [17]);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso", "fabrikam"]);
  writeFileSync(join(upstream.dir, "other.js"), "export default { check() {} };\n");
});
afterAll(async () => {
  await upstream.stop();
  await feed.stop();
});

/** The configuration that the gate runs with, as NGINX itself prints it. */
function dump(gate: GateUnderTest): string {
  const command = process.env.LINKGATE_NGINX_COMMAND ?? join(import.meta.dirname, "../../.cache/nginx/bin/nginx");
  const args = ["-T", "-e", join(gate.dir, "lint.log"), "-c", join(gate.dir, "run/nginx.conf")];
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const rulesOf = (gate: GateUnderTest) => [
  ...new Set(findMistakes(readDump(dump(gate), "stdin")).map(({ rule }) => rule)),
];

type Ask = (source: string, request?: Partial<RawRequest>) => Promise<RawResponse>;

/** Starts a gate with a mistake, and hands over how to ask it. */
async function withMistake(
  change: (template: string) => string,
  use: (ask: Ask, gate: GateUnderTest) => Promise<void>,
): Promise<void> {
  const kind = {
    ...nginx,
    create: async (settings: Parameters<typeof nginx.create>[0]) => {
      const gate = await nginx.create(settings);
      const file = join(gate.dir, "nginx.conf.template");
      const text = readFileSync(file, "utf8");
      const changed = change(text);
      if (changed === text) throw new Error("the mistake is not in the configuration");
      writeFileSync(file, changed);
      return gate;
    },
  };
  const gate = await startGate(kind, {
    feedUrl: feed.url,
    feedToken: feed.token,
    upstreamDir: upstream.dir,
    workers: 1,
  });
  upstream.requests.length = 0;
  try {
    const ask: Ask = (source, request) =>
      exchange(gate.endpoints.proxy, { host: HOST, ...request }, writeProxyHeader({ source }));
    await use(ask, gate);
  } finally {
    await gate.stop();
  }
}

const CHECK = "js_access gate.checkProxy;";
const inLocation = (text: string) => (template: string) => template.replace(CHECK, () => `${CHECK}\n${text}`);
const inServer = (text: string) => (template: string) =>
  template.replace("set $linkgate_listener proxy;", () => `set $linkgate_listener proxy;\n${text}`);
const pass = () => `proxy_pass http://unix:${upstream.dir}/contoso.sock;`;

test("our own configuration is clean, by the command too", async () => {
  await withMistake(
    template => `# changed\n${template}`,
    async (ask, gate) => {
      expect(rulesOf(gate)).toEqual([]);
      const lint = join(import.meta.dirname, "../../deploy/nginx/lint.ts");
      const { status, stdout } = spawnSync(process.execPath, [lint], { input: dump(gate), encoding: "utf8" });
      expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
      expect((await ask(STRANGER)).status).toBe(403);
    },
  );
});

describe("what opens a hole", () => {
  test.for<[what: string, rule: string, change: () => (template: string) => string, target: string]>([
    ["a location beside the gate", "unchecked-pass", () => inServer(`location /metadata { ${pass()} }`), "/metadata"],
    [
      "a js_access that replaces the gate's",
      "unchecked-pass",
      () => template =>
        inLocation(`location /x { js_access other.check; ${pass()} }`)(
          template.replace("js_engine qjs;", () => `js_engine qjs;\njs_import other from ${upstream.dir}/other.js;`),
        ),
      "/x",
    ],
    [
      "a rewrite into a location beside the gate",
      "early-answer",
      () =>
        inServer(
          `location /inside { internal; ${pass()} }\nlocation /old { js_access gate.checkProxy; rewrite ^ /inside last; }`,
        ),
      "/old",
    ],
  ])("%s lets another tenant's link through", async ([, rule, change, target]) => {
    await withMistake(change(), async (ask, gate) => {
      expect(rulesOf(gate)).toContain(rule);
      await ask(STRANGER, { target });
      expect(upstream.requests.filter(({ account }) => account === "contoso").length).toBeGreaterThan(0);
    });
  });

  test("a return answers without a verdict", async () => {
    await withMistake(inLocation('return 200 "ok";'), async (ask, gate) => {
      expect(rulesOf(gate)).toEqual(["early-answer"]);
      expect((await ask(STRANGER, { target: "/early" })).status).toBe(200);
      expect((await gate.waitForLog(line => line.request_uri === "/early")).verdict).toBe("");
    });
  });

  test("a proxy_set_header of one's own sends the client's headers on", async () => {
    await withMistake(inLocation("proxy_set_header X-Mine 1;"), async (ask, gate) => {
      expect(rulesOf(gate)).toEqual(["client-headers"]);
      await ask(OURS, {
        headers: [
          ["x-private-link-id", "17"],
          ["X-Forwarded-For", "127.0.0.1"],
        ],
      });
      expect(upstream.requests.at(-1)?.headers).toContainEqual(["x-private-link-id", "17"]);
      expect(upstream.requests.at(-1)?.headers).toContainEqual(["X-Forwarded-For", "127.0.0.1"]);
    });
  });

  test("underscores_in_headers sends x_forwarded_for on", async () => {
    await withMistake(
      template => template.replace("underscores_in_headers off", "underscores_in_headers on"),
      async (ask, gate) => {
        expect(rulesOf(gate)).toEqual(["strange-headers"]);
        await ask(OURS, { headers: [["x_forwarded_for", "127.0.0.1"]] });
        expect(upstream.requests.at(-1)?.headers).toContainEqual(["x_forwarded_for", "127.0.0.1"]);
        const ours = await ask(OURS, { headers: [["x_private_link_id", "17"]] });
        expect(ours.status).toBe(400); // the second lock, for our own
      },
    );
  });

  test("a cache without the account in its key gives one tenant's answers to another", async () => {
    const path = `proxy_cache_path ${upstream.dir}/cache keys_zone=all:1m;`;
    const change = (template: string) =>
      inLocation("proxy_cache all;\nproxy_cache_valid 200 1h;\nproxy_cache_key $request_uri;")(
        template.replace("js_engine qjs;", () => `js_engine qjs;\n${path}`),
      );
    await withMistake(change, async (ask, gate) => {
      expect(rulesOf(gate)).toEqual(["shared-cache"]);
      expect((await ask(OURS, { target: "/Patient" })).text()).toBe("contoso\n");
      const other = await ask(STRANGER, { target: "/Patient", host: `fabrikam.${ZONE.private}` });
      expect(other.text()).toBe("contoso\n"); // fabrikam asked its own service
    });
  });
});

describe("what the lint finds although a second lock holds", () => {
  test("no js_access: without a verdict there is no account, and nowhere to go", async () => {
    await withMistake(
      template => template.replace(CHECK, ""),
      async (ask, gate) => {
        expect(rulesOf(gate)).toEqual(["unchecked-pass"]);
        expect((await ask(OURS)).status).toBe(502);
        expect(upstream.requests).toEqual([]);
      },
    );
  });

  test("satisfy any: the gate answers with a body, which nothing takes the place of", async () => {
    const change = (template: string) => template.replace(/satisfy all;/g, "satisfy any;\nallow all;");
    await withMistake(change, async (ask, gate) => {
      expect(rulesOf(gate)).toEqual(["satisfy-any"]);
      expect((await ask(STRANGER)).status).toBe(403);
      expect(upstream.requests).toEqual([]);
    });
  });

  test("error_page with =200: a denial with a body stays what it is", async () => {
    await withMistake(inServer(`error_page 403 =200 @open;\nlocation @open { ${pass()} }`), async (ask, gate) => {
      expect(rulesOf(gate)).toEqual(["softened-denial", "unchecked-pass"]);
      expect((await ask(STRANGER)).status).toBe(403);
      expect(upstream.requests).toEqual([]);
    });
  });

  test("real_ip_header of a header: the gate sees that the address was moved", async () => {
    const change = (template: string) =>
      template.replace(
        "set $linkgate_listener direct;",
        () =>
          "set $linkgate_listener direct;\nreal_ip_header X-Forwarded-For;\nset_real_ip_from 0.0.0.0/0;\nset_real_ip_from ::/0;",
      );
    await withMistake(change, async (_, gate) => {
      expect(rulesOf(gate)).toEqual(["forged-source", "wide-trust"]);
      const target = "/forged";
      const answer = await exchange(gate.endpoints.direct, {
        host: HOST,
        target,
        headers: [["X-Forwarded-For", OURS]],
      });
      expect(answer.status).toBe(403);
      expect(await gate.waitForLog(line => line.request_uri === target)).toMatchObject({
        reason: "unreadable-source",
        remote_addr: OURS.replace(/:0+(?=[0-9a-f])/g, ":"),
      });
    });
  });

  test("a table that everybody is a balancer for: those that are not in set_real_ip_from stay strangers", async () => {
    await withMistake(
      template => template.replace("default 0;", "default 1;"),
      async (_, gate) => {
        expect(rulesOf(gate)).toEqual(["wide-trust"]);
        const peer = { ...gate.endpoints.proxy, localAddress: "127.0.0.2" };
        const answer = await exchange(peer, { host: HOST }, writeProxyHeader({ source: OURS }));
        expect(answer.status).toBe(403);
      },
    );
  });
});

test("every address a balancer, in both places: anybody says that it is contoso's link", async () => {
  const change = (template: string) =>
    template
      .replace("default 0;", "default 1;")
      .replace("real_ip_header proxy_protocol;", "real_ip_header proxy_protocol;\nset_real_ip_from 0.0.0.0/0;");
  await withMistake(change, async (_, gate) => {
    expect(rulesOf(gate)).toEqual(["wide-trust"]);
    const peer = { ...gate.endpoints.proxy, localAddress: "127.0.0.2" };
    const answer = await exchange(peer, { host: HOST }, writeProxyHeader({ source: OURS }));
    expect(answer.status).toBe(200);
  });
});
