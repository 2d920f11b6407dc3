import { type QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createQueryClient } from "../src/api/queries.ts";
import { readAgain } from "../src/api/read-again.ts";

let queries: QueryClient;
beforeEach(() => {
  queries = createQueryClient();
});
afterEach(() => queries.clear());

/** Lets everything happen that waits for nothing. */
const settle = () => new Promise<void>(resolve => setImmediate(resolve));

/** Something that is shown, and the reads of it that have been begun, each of which answers when it is told to. */
function show(name: string, meta: Record<string, unknown> = {}) {
  const reads: { answer(data: string): void; fail(): void; signal: AbortSignal }[] = [];
  const read = ({ signal }: { signal: AbortSignal }) =>
    new Promise<string>((answer, reject) => reads.push({ answer, fail: () => reject(new Error("no")), signal }));
  const observer = new QueryObserver<string>(queries, { queryKey: [name], queryFn: read, meta });
  observer.subscribe(() => undefined);
  return { reads, shown: () => observer.getCurrentResult().data };
}

test("a change that comes while a page is read for the first time is not lost with that read's answer", async () => {
  const { reads, shown } = show("list");
  void readAgain(queries);
  reads[0]?.answer("from before the change");
  await settle();
  expect(reads).toHaveLength(2);
  reads[1]?.answer("from after it");
  await settle();
  expect(shown()).toBe("from after it");
  expect(reads).toHaveLength(2);
});

test("nor with the answer of a later read, nor with a read that fails", async () => {
  const { reads, shown } = show("list");
  reads[0]?.answer("first");
  await settle();
  void readAgain(queries);
  void readAgain(queries);
  reads[1]?.answer("from before the second change");
  await settle();
  expect(reads).toHaveLength(3);
  void readAgain(queries);
  reads[2]?.fail();
  await settle();
  expect(reads).toHaveLength(4);
  reads[3]?.answer("last");
  await settle();
  expect(shown()).toBe("last");
});

test("changes that come faster than answers break no read off, and make one more of it, not one each", async () => {
  const slow = show("slow");
  const fast = show("fast");
  for (let change = 0; change < 10; change++) {
    void readAgain(queries);
    fast.reads.at(-1)?.answer(`${change}`);
    await settle();
  }
  expect(slow.reads).toHaveLength(1);
  expect(slow.reads[0]?.signal.aborted).toBe(false);
  expect(fast.reads.length).toBeGreaterThan(10);
  slow.reads[0]?.answer("at last");
  await settle();
  expect(slow.shown()).toBe("at last");
  expect(slow.reads).toHaveLength(2);
});

test("what a change is not about is not read", async () => {
  const counted = show("traffic", { counted: true });
  const other = show("history");
  for (const { reads } of [counted, other]) reads[0]?.answer("first");
  await settle();
  void readAgain(queries, { predicate: ({ meta }) => meta?.counted === true });
  expect(counted.reads).toHaveLength(2);
  expect(other.reads).toHaveLength(1);
});

test("it is over when the last of it has been read, or could not be", async () => {
  const { reads } = show("list");
  let isOver = false;
  void readAgain(queries).then(() => {
    isOver = true;
  });
  reads[0]?.answer("first");
  await settle();
  expect(isOver).toBe(false);
  reads[1]?.fail();
  await settle();
  expect(isOver).toBe(true);
});

test("what is no longer shown is read when it is shown again, also when its read was given up at a change", async () => {
  const { reads } = show("list");
  reads[0]?.answer("first");
  await settle();
  void readAgain(queries);
  for (const observer of queries.getQueryCache().find({ queryKey: ["list"] })?.observers ?? []) observer.destroy();
  await settle();
  expect(queries.getQueryState(["list"])).toMatchObject({ data: "first", isInvalidated: true, fetchStatus: "idle" });
});
