import { expect, test } from "vitest";
import { doOneAtATime } from "../src/api/one-at-a-time.ts";

/** Lets everything happen that waits for nothing. */
const settle = () => new Promise<void>(resolve => setImmediate(resolve));

test("what asks while it is being done has it done once more, and not until then", async () => {
  const ends: (() => void)[] = [];
  const ask = doOneAtATime(() => new Promise<void>(resolve => ends.push(resolve)));
  ask();
  ask();
  ask();
  await settle();
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await settle();
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await settle();
  expect(ends).toHaveLength(2);
  ask();
  expect(ends).toHaveLength(3);
});

test("one that failed stops none after it", async () => {
  let count = 0;
  const ask = doOneAtATime(() => {
    count++;
    return Promise.reject(new Error("away"));
  });
  ask();
  await settle();
  ask();
  await settle();
  expect(count).toBe(2);
});
