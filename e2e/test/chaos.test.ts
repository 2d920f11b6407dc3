import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterEach, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { type GateUnderTest, gates, until, ZONE } from "../gates/index.ts";
import type { Grant } from "../world/ledger.ts";
import { World, type WorldGate, type WorldGateSettings } from "../world/world.ts";

const page = (status: string, body: string, length = body.length) =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Length: ${length}\r\n\r\n${body}`;

const LINES = "+harbor\t999999\tenabled\t7777\n".repeat(50);

type Fault = readonly [name: string, answer: (socket: Socket) => void, said: RegExp, saidByEnvoy?: RegExp];

/** Envoy reads the answer, and tells its filter no more than a status or that there was none. */
const NO_ANSWER = /no whole answer in time/;

/** What comes instead of the feed's page, and what the gate says of it. */
const FAULTS: readonly Fault[] = [
  ["no HTTP", socket => socket.end("\x00\xff\x13garbage\r\n\r\n"), /invalid|malformed|closed/, /answered 502/],
  [
    "a web page",
    socket => socket.end(page("200 OK", "<html><body>Welcome</body></html>\n")),
    /line 1 .* malformed/,
    /line 1$/,
  ],
  ["nothing", socket => socket.end(page("200 OK", "")), /without its last line, after 0/, /the page is empty/],
  ["half a page", socket => socket.end(page("200 OK", LINES)), /without its last line, after 50/, /line 51/],
  [
    "a page cut in a line",
    socket => socket.end(page("200 OK", LINES.slice(0, -9))),
    /without its last line/,
    /line 50/,
  ],
  ["a page that is longer than what comes", socket => socket.end(page("200 OK", LINES, 99_999)), /closed/, NO_ANSWER],
  [
    "a page that goes on",
    socket => socket.end(page("200 OK", `=0123456789abcdef\tdone\n${LINES}`)),
    /malformed|goes on after its last line/,
  ],
  [
    "a page with a line that is none",
    socket => socket.end(page("200 OK", `${LINES}?x\n=0123456789abcdef\tdone\n`)),
    /malformed/,
  ],
  ["500", socket => socket.end(page("500 Internal Server Error", "{}")), /answered 500/],
  ["a redirect", socket => socket.end(page("302 Found", "=0123456789abcdef\tdone\n")), /answered 302/],
  [
    "a body without end",
    socket => pour(socket, page("200 OK", "", 1_000_000_000), LINES),
    /too large|too big|exceed|too long/,
    NO_ANSWER,
  ],
  [
    "headers without end",
    socket => pour(socket, "HTTP/1.1 200 OK\r\n", "X: y\r\n".repeat(500)),
    /header|large|closed/,
    /answered 502/,
  ],
  ["a body that drips", drip, /no answer within|timed out/, NO_ANSWER],
];

describe.each(gates)("bad surroundings of $name", kind => {
  let world: World;
  let one: WorldGate;
  let steady: Grant;
  let count = 0;

  beforeEach(async () => {
    world = await World.start(kind, ["one"]);
    onTestFailed(() => console.log(said));
  });
  let said = "";
  afterEach(async () => {
    said = await world.explain();
    expect(world.traffic.objections).toEqual([]);
    await world.stop();
  });

  /** A gate, and a link that stays in force. */
  async function start(settings: WorldGateSettings = {}, prepare: (gate: GateUnderTest) => void = () => {}) {
    one = await world.prepareGate("one", settings);
    prepare(one.gate);
    await one.gate.launch();
    await one.gate.whenState(state => state.table === "current");
    await world.createAccounts("harbor");
    steady = await world.arm.approve("harbor", 7000);
    await world.traffic.untilAdmitted(one.gate, steady);
    steady.settled = performance.now();
  }

  /** Gives a link and begins to take it away when the surroundings have turned bad. */
  async function grantNext(): Promise<Grant> {
    const grant = await world.arm.approve("harbor", 7001 + ++count);
    await world.traffic.untilAdmitted(one.gate, grant);
    return grant;
  }

  const ask = (linkId: number) => world.traffic.ask(one.gate, { account: "harbor", linkId });

  test("the feed answers anything but a page: the gate keeps its table, says so, and acknowledges nothing", async () => {
    await start();
    const { follower: _, ...processes } = await one.gate.readProcesses();
    for (const [name, answer, saidByNginx, saidByEnvoy = saidByNginx] of FAULTS) {
      const text = kind.name === "envoy" ? saidByEnvoy : saidByNginx;
      const revoked = await grantNext();
      const before = (await one.gate.readState()).lastFailure?.count ?? 0;
      one.line.set({ kind: "answer", answer });
      const operation = await world.arm.revoke(revoked, "delete connection");
      const state = await one.gate.whenState(
        ({ lastFailure }) => (lastFailure?.count ?? 0) > before + 1 && text.test(lastFailure?.text ?? ""),
      );
      expect(state.table, name).toBe("current");
      expect(await ask(steady.linkId), name).toBe(200);
      expect(await ask(7777), name).toBe(403); // what half a page said
      expect(await world.arm.isComplete(operation, revoked), name).toBe(false);
      one.line.set({ kind: "open" });
      await world.arm.untilComplete(operation, revoked);
      expect(await ask(revoked.linkId), name).toBe(403);
      expect(await one.gate.readProcesses(), name).toMatchObject(processes); // nothing has died and been replaced
    }
  }, 600_000);

  test("the table is full: what is revoked is denied all the same, and held until there is room", async ({ skip }) => {
    if (kind.name !== "nginx") skip("its table takes what memory there is");
    await start({ tableSize: "64k" });
    const names = Array.from({ length: 400 }, (_, index) => `filler-${index}`);
    for (let from = 0; from < names.length; from += 20) {
      await Promise.all(names.slice(from, from + 20).map(name => world.arm.createAccount(name)));
    }
    await one.gate.whenState(state => /the table is full/.test(state.lastFailure?.text ?? ""));
    expect(await ask(steady.linkId)).toBe(200);
    const operation = await world.arm.revoke(steady, "delete connection");
    await until(
      async () => (await ask(steady.linkId)) === 403,
      () => "who was revoked is admitted",
    );
    expect(await world.arm.isComplete(operation, steady)).toBe(false);
    await one.gate.reload({ tableSize: "1m" });
    await world.arm.untilComplete(operation, steady);
    expect(await ask(steady.linkId)).toBe(403);
    await grantNext();
  });

  test("the disk of the log is full: the gate goes on, and its error log says so", async ({ skip }) => {
    if (kind.name !== "nginx") skip("where the log goes is another gate's own business");
    await start({}, gate => {
      mkdirSync(join(gate.dir, "run"), { recursive: true });
      symlinkSync("/dev/full", join(gate.dir, "run/access.log"));
    });
    expect(await ask(steady.linkId)).toBe(200);
    expect(await ask(7999)).toBe(403);
    await until(
      () => one.gate.explain().includes("No space left on device"),
      () => one.gate.explain(),
    );
    const revoked = await grantNext();
    await world.arm.untilComplete(await world.arm.revoke(revoked, "delete connection"), revoked);
  });

  test("the disk of everything is full: the gate goes on, reloads nothing bad, and stops with a goodbye", async ({
    skip,
  }) => {
    if (kind.name !== "nginx") skip("what it keeps on disk is another gate's own business");
    let run = "";
    onTestFailed(() => console.log(run));
    try {
      await start({}, gate => {
        run = join(gate.dir, "run");
        mkdirSync(run, { recursive: true });
        try {
          execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m,nr_inodes=40", "tmpfs", run], { stdio: "pipe" });
        } catch {
          skip("a disk that can be filled takes root, to mount one");
        }
      });
      fill(run);
      expect(await ask(steady.linkId)).toBe(200);
      expect(await ask(7999)).toBe(403);
      // A body that does not fit into memory has nowhere to go.
      const large = { host: `harbor.${ZONE.private}`, method: "POST", target: "/large", body: "x".repeat(1_000_000) };
      const header = writeProxyHeader({ source: linkAddress(steady.linkId, "10.1.1.4") });
      expect((await exchange(one.gate.endpoints.proxy, large, header)).status).toBe(500);
      const revoked = await grantNext();
      await world.arm.untilComplete(await world.arm.revoke(revoked, "delete connection"), revoked);
      process.kill((await one.gate.readProcesses()).supervisor, "SIGHUP");
      await until(
        () => one.gate.explain().includes("the configuration is refused; the old one stays"),
        () => one.gate.explain(),
      );
      await one.gate.kill("follower");
      expect(await ask(revoked.linkId)).toBe(403);
      expect(await one.gate.end()).toBe(0);
      const last = await world.arm.revoke(steady, "delete connection");
      await world.arm.untilComplete(last, steady);
    } finally {
      await one.gate.kill();
      if (run !== "") execFileSync("umount", [run], { stdio: "pipe" });
    }
  });
});

/** Writes without end, as fast as it is read. */
function pour(socket: Socket, head: string, more: string): void {
  const go = () => {
    while (!socket.destroyed && socket.write(more));
  };
  socket.on("drain", go);
  socket.write(head);
  go();
}

function drip(socket: Socket): void {
  socket.write(page("200 OK", "", 1_000_000));
  const timer = setInterval(() => socket.write("+"), 200);
  socket.once("close", () => clearInterval(timer));
}

/** Takes what room there is, for bytes and for names. */
function fill(dir: string): void {
  for (const size of [100_000, 0]) {
    try {
      for (let number = 0; ; number++) writeFileSync(join(dir, `filler-${size}-${number}`), Buffer.alloc(size));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}
