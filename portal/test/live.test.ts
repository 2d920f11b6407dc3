import { afterEach, describe, expect, test, vi } from "vitest";
import { followChanges, readEvents } from "../src/api/live.ts";

async function collect(body: ReadableStream<Uint8Array>): Promise<{ name: string; data: string }[]> {
  const events = [];
  for await (const event of readEvents(new Response(body))) events.push(event);
  return events;
}

async function read(...pieces: string[]): Promise<{ name: string; data: string }[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
  return collect(body);
}

test("events come with their names and data, whatever the pieces they arrive in", async () => {
  expect(await read("event: ready\nda", 'ta: {}\n\nevent: changed\ndata: {"accounts":["contoso"]}\n', "\n")).toEqual([
    { name: "ready", data: "{}" },
    { name: "changed", data: '{"accounts":["contoso"]}' },
  ]);
});

test("a letter that is cut between two pieces stays one", async () => {
  const bytes = new TextEncoder().encode("data: é\n\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.slice(0, 7));
      controller.enqueue(bytes.slice(7));
      controller.close();
    },
  });
  expect(await collect(body)).toEqual([{ name: "message", data: "é" }]);
});

test("comments, which keep a connection open, are no events; nor is one that breaks off", async () => {
  expect(await read(": still here\n\n", "event: changed\ndata: {}\n")).toEqual([]);
});

describe("following", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  /** A follower by a clock that stands still until it is moved on, in front of an API that each test answers for. */
  function follow({ getToken = async () => "token" } = {}) {
    vi.useFakeTimers();
    const heard: string[] = [];
    const connections: { signal: AbortSignal; answer(): void; say(text: string): void }[] = [];
    const fetch = (_url: string, { signal }: { signal: AbortSignal }) =>
      new Promise<Response>((resolve, reject) => {
        let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            stream = controller;
          },
        });
        connections.push({
          signal,
          answer: () => resolve(new Response(body)),
          say: text => stream?.enqueue(new TextEncoder().encode(text)),
        });
        signal.addEventListener("abort", () => {
          reject(signal.reason);
          stream?.error(signal.reason);
        });
      });
    vi.stubGlobal("fetch", fetch);
    const listener = {
      onReady: () => heard.push("ready"),
      onChanged: (accounts: readonly string[]) => heard.push(...accounts),
      onCounted: () => heard.push("counted"),
      onLost: () => heard.push("lost"),
    };
    const end = new AbortController();
    const ended = followChanges(getToken, listener, end.signal);
    return {
      heard,
      connections,
      /** Moves the clock on, and lets everything happen until then. */
      pass: (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000),
      async end() {
        end.abort();
        await ended;
      },
    };
  }

  test("a stream that says nothing any more is given up, and another one is asked for what is to be read again", async () => {
    const { heard, connections, pass, end } = follow();
    await pass(0);
    connections[0]?.answer();
    connections[0]?.say("event: ready\ndata: {}\n\n");
    await pass(39);
    expect(heard).toEqual(["ready"]);
    await pass(1);
    expect(heard).toEqual(["ready", "lost"]);
    expect(connections[0]?.signal.aborted).toBe(true);
    await pass(1);
    connections[1]?.answer();
    connections[1]?.say("event: ready\ndata: {}\n\n");
    await pass(0);
    expect(heard).toEqual(["ready", "lost", "ready"]);
    await end();
  });

  test("signs of life keep it, although they are no events", async () => {
    const { heard, connections, pass, end } = follow();
    await pass(0);
    connections[0]?.answer();
    connections[0]?.say("event: ready\ndata: {}\n\n");
    for (let beat = 0; beat < 20; beat++) {
      await pass(15);
      connections[0]?.say(":\n\n");
    }
    await pass(0);
    expect(heard).toEqual(["ready"]);
    expect(connections).toHaveLength(1);
    await end();
  });

  test("an API that never answers, and one that answers and never says anything, are asked anew", async () => {
    const { heard, connections, pass, end } = follow();
    await pass(41);
    expect(connections).toHaveLength(2);
    connections[1]?.answer();
    await pass(42);
    expect(connections).toHaveLength(3);
    expect(heard).toEqual(["lost", "lost"]);
    await end();
  });

  test("a token that never comes is asked for anew", async () => {
    const getToken = vi.fn(() => new Promise<string>(() => undefined));
    const { heard, connections, pass, end } = follow({ getToken });
    await pass(41);
    expect(getToken).toHaveBeenCalledTimes(2);
    expect(connections).toEqual([]);
    expect(heard).toEqual(["lost"]);
    await end();
  });

  test("whoever has left is told nothing, and no clock goes on", async () => {
    const { heard, connections, pass, end } = follow();
    await pass(0);
    connections[0]?.answer();
    await end();
    expect(connections[0]?.signal.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    expect(heard).toEqual([]);
  });
});
