import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linkAddress } from "../testing/index.ts";
import { TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, uniqueTarget } from "./support/requests.ts";
import { PATIENCE_MS, until } from "./support/until.ts";
import { TestUpstream } from "./support/upstream.ts";

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const TEMPLATE = new URL("../../deploy/nginx/nginx.conf.template", import.meta.url).pathname;

let feed: TestFeed;
let gate: TestGate;
let upstream: TestUpstream | undefined;

beforeEach(async () => {
  feed = await TestFeed.start();
  feed.set("contoso", "enabled", [LINK]);
});

afterEach(async () => {
  await gate.stop();
  await upstream?.stop();
  upstream = undefined;
  await feed.stop();
});

async function start(settings: Record<string, string> = {}): Promise<void> {
  gate = await TestGate.start(feed, settings);
  gate.explainFailure();
  upstream = new TestUpstream(`${gate.dir}/up`);
  await upstream.serve(["contoso"]);
}

async function askByLink(): Promise<number> {
  return (await askFrom(gate, SOURCE, { host: privateHost("contoso"), target: uniqueTarget() })).status;
}

/** Waits until NGINX runs with another incarnation, and its table is in force. A wedged one is given up after half a minute. */
async function whenRestarted(incarnation: string): Promise<string> {
  const page = await gate.whenStatus(
    status => status.incarnation !== incarnation && status.table.state === "current",
    2 * PATIENCE_MS,
  );
  return page.incarnation;
}

function goodbyes(): string[] {
  return feed.polls.filter(poll => poll.isGoodbye).map(poll => poll.incarnation);
}

test("says goodbye after NGINX has ended, and then nothing else (rule 22)", async () => {
  await start();
  const { incarnation } = await gate.status();
  const pids = [gate.masterPid, ...gate.workerPids];
  const running: number[][] = [];
  feed.onPoll = poll => {
    if (poll.isGoodbye) running.push(pids.filter(isRunning));
  };
  expect(goodbyes()).toEqual([]);
  expect(await gate.terminate()).toBe(0);
  expect(running.flat()).toEqual([]);
  const said = feed.polls.slice(feed.polls.findIndex(poll => poll.isGoodbye));
  expect(said.length).toBeGreaterThan(0); // one whose answer was late is said again
  for (const poll of said) expect(poll).toMatchObject({ gate: "test-gate", incarnation, isGoodbye: true });
});

test("a request that runs when NGINX is stopped gets its answer", async () => {
  await start({ LINKGATE_DRAIN_TIMEOUT: "60" });
  const slow = askFrom(gate, SOURCE, { host: privateHost("contoso"), target: "/slow/500" });
  await until(
    () => upstream?.requests.some(request => request.target === "/slow/500"),
    () => "the request did not reach the upstream",
  );
  expect(await gate.terminate()).toBe(0);
  expect((await slow).status).toBe(200);
});

test("a master that dies is started again, with no worker of the old one left, and goodbye is said for it", async () => {
  await start({ LINKGATE_WORKERS: "2" });
  const { incarnation } = await gate.status();
  const workers = gate.workerPids;
  process.kill(gate.masterPid, "SIGKILL");
  const next = await whenRestarted(incarnation);
  expect(workers.filter(isRunning)).toEqual([]);
  expect(await askByLink()).toBe(200);
  await until(
    () => goodbyes().includes(incarnation),
    () => `goodbyes: ${goodbyes()}`,
  );
  expect(goodbyes()).not.toContain(next);
});

test("a second gate on the same addresses does not start, and says no goodbye for the first, which still admits (rule 22)", async () => {
  await start();
  const { incarnation } = await gate.status();
  const second = await TestGate.create(feed);
  for (const name of ["DIRECT", "PROXY", "PUBLIC", "STATUS"]) {
    second.env[`LINKGATE_${name}_LISTEN`] = gate.env[`LINKGATE_${name}_LISTEN`] ?? "";
  }
  try {
    await expect(second.launch()).rejects.toThrow("NGINX has ended; its log says");
  } finally {
    await second.stop();
  }
  expect(goodbyes()).toEqual([]);
  expect(await askByLink()).toBe(200);
  expect((await gate.status()).incarnation).toBe(incarnation);
});

test("an NGINX that no longer answers is killed and started again", async () => {
  await start();
  const { incarnation } = await gate.status();
  for (const pid of gate.workerPids) process.kill(pid, "SIGSTOP");
  await whenRestarted(incarnation);
  expect(await askByLink()).toBe(200);
  expect(gate.supervisorLog).toContain("is wedged");
});

test("a reload takes a good template, and keeps the old configuration when NGINX refuses the new one", async () => {
  gate = await TestGate.create(feed);
  const template = join(gate.dir, "template");
  const original = readFileSync(TEMPLATE, "utf8");
  writeFileSync(template, original);
  gate.env.LINKGATE_TEMPLATE = template;
  await gate.launch();
  gate.explainFailure();
  await gate.whenTable("current");
  upstream = new TestUpstream(`${gate.dir}/up`);
  await upstream.serve(["contoso"]);

  for (const bad of [`${original}\nnonsense;\n`, original.replace("LINKGATE_UPSTREAM", "LINKGATE_NONSENSE")]) {
    const before = gate.workerPids;
    const refusals = countOf(gate.supervisorLog, "the configuration is refused");
    writeFileSync(template, bad);
    gate.signal("SIGHUP");
    await until(
      () => countOf(gate.supervisorLog, "the configuration is refused") > refusals,
      () => `the supervisor said: ${gate.supervisorLog}`,
    );
    expect(await askByLink()).toBe(200);
    expect(gate.workerPids).toEqual(before);
  }

  writeFileSync(
    template,
    original.replace("server_tokens off;", "server_tokens off; add_header x-template new always;"),
  );
  gate.signal("SIGHUP");
  await until(
    async () => (await askFrom(gate, SOURCE, { host: privateHost("contoso") })).header("x-template") === "new",
    () => "the new configuration is not in force",
  );
});

test.for<[name: string, settings: Record<string, string>, expected: RegExp]>([
  ["no feed", { LINKGATE_FEED_URL: "" }, /LINKGATE_FEED_URL/],
  ["a value that would end its directive", { LINKGATE_GATE_NAME: "a; include /etc/passwd" }, /LINKGATE_GATE_NAME/],
  ["a zone that is none", { LINKGATE_ZONES: "example.com" }, /LINKGATE_ZONES/],
  ["an upstream with another variable", { LINKGATE_UPSTREAM: "http://$host:80" }, /LINKGATE_UPSTREAM/],
  ["a balancer that is no address", { LINKGATE_LOAD_BALANCERS: "10.0.0.0/8,all" }, /LINKGATE_LOAD_BALANCERS/],
  ["a command that is not there", { LINKGATE_NGINX_COMMAND: "/nonexistent/nginx" }, /ENOENT/],
  ["a gate script that is not there", { LINKGATE_GATE_SCRIPT: "/nonexistent/gate.js" }, /gate\.js/],
])("does not start with %s, and says why", async ([, settings, expected]) => {
  gate = await TestGate.create(feed, settings);
  await expect(gate.launch()).rejects.toThrow(expected);
  expect(await gate.ended()).toBe(78);
});

/**
 * A stand-in for NGINX that knows what the supervisor asks of it: a version, a test of the configuration, and a status page. It
 * writes what it does into `<file>.log`; like NGINX it obeys no signal before it is up.
 * @param isUp an expression: whether it answers
 */
function useFakeNginx({ version = "1.30.6", njsNumber = 0x010002, isUp = "true" } = {}): () => string[] {
  const file = join(gate.dir, "nginx");
  const log = `${file}.log`;
  const script = `#!${process.execPath}
    const { appendFileSync, existsSync } = process.getBuiltinModule("node:fs");
    const note = text => appendFileSync(${JSON.stringify(log)}, text + "\\n");
    if (process.argv.includes("-v")) { process.stderr.write("nginx version: nginx/${version}\\n"); process.exit(0); }
    if (process.argv.includes("-t")) { note("test"); setTimeout(() => note("tested"), 300); } else {
      note("start");
      const page = JSON.stringify({ live: true, njs: "${version}", njsNumber: ${njsNumber}, incarnation: "0".repeat(32),
        launch: process.env.LINKGATE_LAUNCH });
      let asked = 0;
      const answer = (request, response) => {
        asked++;
        if (!(${isUp})) return response.writeHead(500).end();
        if (process.listenerCount("SIGHUP") === 0) process.on("SIGHUP", () => note("reload"));
        response.end(page);
      };
      process.getBuiltinModule("node:http").createServer(answer).listen(${gate.ports.status}, "127.0.0.1");
    }`;
  writeFileSync(log, "");
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  gate.env.LINKGATE_NGINX_COMMAND = file;
  return () => readFileSync(log, "utf8").split("\n").slice(0, -1);
}

test.for([
  ["NGINX 1.28", { version: "1.28.9" }, /1\.28\.9 is older than 1\.29/],
  ["njs 1.0.0", { njsNumber: 0x010000 }, /older than 1\.0\.1/],
] as const)("does not start with %s", async ([, fake, expected]) => {
  gate = await TestGate.create(feed);
  useFakeNginx(fake);
  await expect(gate.launch()).rejects.toThrow(expected);
  expect(await gate.ended()).toBe(78);
});

test("an NGINX that answers /live, and then nothing, is asked again: that says nothing of its age", async () => {
  gate = await TestGate.create(feed);
  useFakeNginx({ isUp: "request.url === '/live' || asked > 4" });
  await gate.launch();
});

test("a reload that is asked for while NGINX starts is told when it is up; of several each has its turn", async () => {
  gate = await TestGate.create(feed);
  const up = join(gate.dir, "up.now");
  const readLog = useFakeNginx({ isUp: `existsSync(${JSON.stringify(up)})` });
  const launched = gate.launch();
  const untilNoted = (text: string, times: number) =>
    until(
      () => readLog().filter(line => line === text).length >= times,
      () => `${text} was not noted ${times} times: ${readLog()}\n${gate.supervisorLog}`,
    );
  await untilNoted("start", 1);
  for (const time of [2, 3, 4]) {
    gate.signal("SIGHUP");
    await untilNoted("test", time);
  }
  writeFileSync(up, "");
  await launched;
  await untilNoted("reload", 1);
  const lines = readLog();
  expect(lines.filter(line => line === "start")).toHaveLength(1);
  const tests = lines.filter(line => line.startsWith("test"));
  expect(tests).toEqual(tests.map((_, at) => (at % 2 === 0 ? "test" : "tested")));
});

function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}
