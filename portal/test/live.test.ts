import { expect, test } from "vitest";
import { readEvents } from "../src/api/live.ts";

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
