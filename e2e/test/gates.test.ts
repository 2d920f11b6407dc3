import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { type GateUnderTest, gates, RecordingUpstream, startGate, TestFeed, ZONE } from "../gates/index.ts";

const LINK = 822088585;

describe.each(gates)("the test kit of $name", kind => {
  let feed: TestFeed;
  let upstream: RecordingUpstream;
  let gate: GateUnderTest;

  beforeAll(async () => {
    feed = await TestFeed.start();
    feed.set("contoso", "disabled", [LINK]);
    upstream = new RecordingUpstream();
    await upstream.serve(["contoso"]);
    gate = await startGate(kind, { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir });
  });
  afterAll(async () => {
    await gate?.stop();
    await upstream.stop();
    await feed.stop();
  });

  let count = 0;
  async function ask(linkId = LINK): Promise<number> {
    const target = `/Patient/${++count}`;
    const header = writeProxyHeader({ source: linkAddress(linkId, "10.1.1.4") });
    const answer = await exchange(gate.endpoints.proxy, { host: `contoso.${ZONE.private}`, target }, header);
    const line = await gate.waitForLog(each => each.request_uri === target);
    expect(line.status).toBe(answer.status);
    return answer.status;
  }

  test("it admits, denies, records and logs", async () => {
    onTestFailed(() => console.log(gate.explain()));
    expect(await ask()).toBe(200);
    expect(upstream.requests.at(-1)).toMatchObject({ account: "contoso", target: "/Patient/1" });
    expect(upstream.requests.at(-1)?.headers).toContainEqual(["x-private-link-id", String(LINK)]);
    expect(await ask(LINK + 1)).toBe(403);
    expect(upstream.requests).toHaveLength(1);
    expect(upstream.problems).toEqual([]);
  });

  test("workers that are killed come back; a frozen gate goes on; a killed one is another incarnation", async () => {
    onTestFailed(() => console.log(gate.explain()));
    const { incarnation } = await gate.readState();
    for (const part of kind.parts) {
      await gate.kill(part);
      expect(await ask()).toBe(200);
      await gate.whenState(state => state.table === "current");
    }
    expect((await gate.readState()).incarnation).toBe(incarnation);

    await gate.freeze();
    expect(await gate.isReady()).toBe(false);
    gate.thaw();
    expect(await ask()).toBe(200);

    await gate.kill();
    await gate.launch();
    const after = await gate.whenState(state => state.table === "current");
    expect(after.incarnation).not.toBe(incarnation);
  });

  test("a reload changes the workers and nothing else", async () => {
    onTestFailed(() => console.log(gate.explain()));
    const waking = setInterval(() => feed.wakeAll(), 50); // a poll that waits holds its worker back
    const { incarnation, table, generation } = await gate.readState();
    const { workers } = await gate.readProcesses();
    await gate.reload();
    clearInterval(waking);
    expect(await ask()).toBe(200);
    expect(await gate.readState()).toMatchObject({ incarnation, table, generation });
    expect((await gate.readProcesses()).workers.filter(pid => workers.includes(pid))).toEqual([]);
  });

  test("its end is a goodbye", async () => {
    onTestFailed(() => console.log(gate.explain()));
    const waking = setInterval(() => feed.wakeAll(), 50);
    expect(await gate.end()).toBe(0);
    clearInterval(waking);
    expect(feed.polls.at(-1)?.isGoodbye).toBe(true);
  });
});
