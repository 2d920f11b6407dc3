import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { type GateUnderTest, gates, startGate, TestFeed } from "../gates/index.ts";
import { signalIfAlive } from "../gates/processes.ts";

/** How often the follower is stopped to see whether it is inside a write; some 50 are the rule. */
const TRIES = 1000;
/** Who answers within it can read the table. Who does not may be slow for another reason: then a follower was killed in vain. */
const A_MOMENT_MS = 300;
/** The supervisor asks three times before it takes NGINX for wedged, and each time it waits. */
const RESTART_MS = 300_000;
/** So many that the follower is inside a write every now and then. */
const ACCOUNTS = 10_000;

// NGINX's shared memory has one lock for a zone. Whoever is killed with it in its hands keeps it.

describe.each(gates.filter(kind => kind.name === "nginx"))("a worker of $name killed inside a write", kind => {
  let feed: TestFeed;
  let gate: GateUnderTest;

  beforeEach(async () => {
    feed = await TestFeed.start();
    gate = await startGate(kind, {
      feedUrl: feed.url,
      feedToken: feed.token,
      upstreamDir: "/nowhere",
      tableSize: "64m",
    });
    onTestFailed(() => console.log(gate.explain()));
  });
  afterEach(async () => {
    await gate.stop();
    await feed.stop();
  });

  /** Whether a worker can still read the table; the one that was stopped can't answer, but it takes no connection either. */
  async function doesAnswer(): Promise<boolean> {
    const answers = Array.from({ length: 3 }, () => gate.readState().then(() => true));
    return Promise.race([Promise.any(answers).catch(() => false), delay(A_MOMENT_MS, false)]);
  }

  test("leaves its zone locked for ever: liveness sees it, and the supervisor restarts NGINX", async () => {
    const { incarnation } = await gate.readState();
    feed.misbehave = changeEverything();
    feed.wakeAll();
    let kills = 0;
    let stops = 0;
    for (let isWedged = false; !isWedged; ) {
      if (++stops > TRIES) expect.fail(`${TRIES} times nobody was inside a write, of which ${kills} looked like it`);
      const { follower } = await gate.readProcesses();
      signalIfAlive(follower, "SIGSTOP");
      if (await doesAnswer()) signalIfAlive(follower, "SIGCONT");
      else {
        kills++;
        signalIfAlive(follower, "SIGKILL");
        // One that nobody can read any more is answered for by the next NGINX alone.
        isWedged = (await gate.whenState(() => true, RESTART_MS)).incarnation !== incarnation;
      }
    }
    expect(gate.explain()).toContain("is wedged");
    feed.misbehave = null;
    await gate.whenState(state => state.table === "current");
  }, 600_000);
});

/** A feed without a pause: each answer changes every account, by records of another length each time. */
function changeEverything(): (poll: unknown, answer: ServerResponse) => void {
  let version = 1;
  return (_, answer) => {
    version++;
    const ids = version % 2 === 0 ? "1" : "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15";
    let body = "";
    for (let number = 0; number < ACCOUNTS; number++) body += `+account-${number + 100}\t${version}\tenabled\t${ids}\n`;
    answer.writeHead(200, { "content-type": "text/plain; charset=us-ascii" });
    answer.end(`${body}=${String(version).padStart(32, "0")}\tdone\n`);
  };
}
