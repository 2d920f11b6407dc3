import fc from "fast-check";
import { expect, test } from "vitest";
import { questions } from "../testing/questions.ts";
import { javaScript, wasm } from "./engines.ts";
import { decideByDesign } from "./reference.ts";

test("JavaScript, wasm and the second implementation agree on 100,000 random questions", () => {
  const shares = new Map<string, number>();
  fc.assert(
    fc.property(questions(), question => {
      const answer = javaScript.decide(question);
      expect(wasm.decide(question)).toEqual(answer);
      expect(answer).toEqual(decideByDesign(question));
      shares.set(answer.reason, (shares.get(answer.reason) ?? 0) + 1);
    }),
    { numRuns: 100_000 },
  );

  // The questions are no worth if most of them fail at the first guard: every reason comes often enough to matter.
  expect(shares.size).toBe(13);
  for (const [reason, count] of shares) expect(count, reason).toBeGreaterThan(1_000);
  expect(shares.get("private-link")).toBeGreaterThan(5_000);
  expect(shares.get("unknown-host")).toBeLessThan(30_000);
}, 600_000);
