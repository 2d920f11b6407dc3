import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askStatus } from "../supervisor/status-client.ts";
import { PATIENCE_MS, until } from "./support/until.ts";
import { TestWorld } from "./support/world.ts";

// NGINX's shared memory has one lock for a zone; whoever is killed with it in its hands keeps it. e2e shows it of the table; here
// are the zones that each request is counted in.

/** How often a worker is stopped to see whether it is inside a count; some thirty are the rule. */
const TRIES = 2000;
/** Who answers within it can read a zone. Who does not may be slow for another reason: then a worker was killed in vain. */
const A_MOMENT_MS = 300;

let dir: string;
let world: TestWorld;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "lg-wedge-"));
  writeFileSync(join(dir, "zones.js"), ZONES);
  const handlers = ["count", "counting", "read"].map(name => `location = /${name} { js_content zones.${name}; }`);
  const template = readFileSync(join(import.meta.dirname, "../../deploy/nginx/nginx.conf.template"), "utf8")
    .replace("js_import gate ", () => `js_import zones from "${dir}/zones.js";\n  js_import gate `)
    .replace("location = /live {", () => `${handlers.join("\n    ")}\n    location = /live {`);
  writeFileSync(join(dir, "template"), template);
  const settings = { LINKGATE_TEMPLATE: join(dir, "template"), LINKGATE_WORKERS: "3" };
  world = await TestWorld.start(feed => feed.set("contoso", "enabled", [17]), settings);
  world.gate.explainFailure();
});
afterEach(async () => {
  await world.stop();
  rmSync(dir, { recursive: true, force: true });
});

function ask(target: string): Promise<string> {
  return askStatus(world.gate.env.LINKGATE_STATUS_LISTEN ?? "", target, PATIENCE_MS).then(({ body }) => body);
}

/** Has a worker read these zones. @returns false when it ended before it could */
function read(zones: string): Promise<boolean> {
  return ask(`/read?zones=${zones}`).then(
    () => true,
    () => false,
  );
}

/** Whether they can be read; the worker that was stopped can't answer, but it takes no connection either. */
function isSoon(hasRead: Promise<boolean>): Promise<boolean> {
  return Promise.race([hasRead, delay(A_MOMENT_MS, false)]);
}

/** Has a worker count without a pause, unless one does, and waits until it has begun. @returns its process */
async function findCounting(): Promise<number> {
  let isAsked = false;
  const find = async () => {
    const pid = Number(await ask("/counting"));
    if (world.gate.workerPids.includes(pid)) return pid;
    if (isAsked) return null;
    isAsked = true;
    const hasEnded = () => {
      isAsked = false;
    };
    ask("/count").then(hasEnded, hasEnded); // its worker may be killed
    return null;
  };
  return until(find, () => "no worker counts");
}

test("a worker killed inside a count leaves its zone locked for ever: liveness sees it, and the supervisor restarts NGINX", async () => {
  const { gate } = world;
  const { incarnation } = await gate.status();
  let isLocked = false;
  for (let tries = 1; !isLocked; tries++) {
    if (tries > TRIES) expect.fail(`${TRIES} times nobody was inside a count`);
    const pid = await findCounting();
    process.kill(pid, "SIGSTOP");
    const hasReadTable = await isSoon(read("lg_meta,lg_table0,lg_table1"));
    const hasReadCounts = read("lg_requests,lg_bytes");
    const isInside = hasReadTable && !(await isSoon(hasReadCounts));
    process.kill(pid, isInside ? "SIGKILL" : "SIGCONT");
    // Where the lock has no owner any more there is no answer to this before NGINX is killed.
    isLocked = isInside && !(await hasReadCounts);
  }
  await gate.whenStatus(page => page.incarnation !== incarnation && page.table.state === "current");
  expect(gate.supervisorLog).toContain("is wedged");
}, 600_000);

/** Counts for seconds as a request does once, tells who does so, and reads zones. */
const ZONES = `
function count(r) {
  ngx.shared.lg_meta.set("counting", String(process.pid));
  const end = Date.now() + 3000;
  while (Date.now() < end) {
    for (let time = 0; time < 1000; time++) {
      ngx.shared.lg_bytes.incr("contoso\\tprivate-link\\t17", 1, 0);
      ngx.shared.lg_requests.incr("contoso\\tprivate-link\\t17", 1, 0);
    }
  }
  ngx.shared.lg_meta.delete("counting");
  r.return(200, "");
}
function counting(r) {
  r.return(200, ngx.shared.lg_meta.get("counting") || "");
}
function read(r) {
  for (const zone of r.args.zones.split(",")) ngx.shared[zone].get("");
  r.return(200, "");
}
export default { count, counting, read };
`;
