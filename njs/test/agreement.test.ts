import { type Answer, createAnswerer } from "@linkgate/core/testing/answer";
import { sampleQuestions } from "@linkgate/core/testing/questions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ScriptedNginx } from "./support/scripted-nginx.ts";

const SEED = 20261121;
const COUNT = 100_000;
const BATCH = 5000;

let nginx: ScriptedNginx;

beforeAll(async () => {
  nginx = await ScriptedNginx.start(`
    import { createAnswerer } from "@linkgate/core/testing/answer";
    const answer = createAnswerer();`);
});

afterAll(() => nginx.stop());

test(`njs and Node decide the same on ${COUNT} random questions`, { timeout: 1_200_000 }, async () => {
  const answer = createAnswerer();
  const reasons = new Map<string, number>();
  for (let from = 0; from < COUNT; from += BATCH) {
    const questions = sampleQuestions(SEED + from, BATCH);
    const answers = await nginx.ask(questions);
    expect(answers.length).toBe(BATCH);
    questions.forEach((question, at) => {
      const own = answer(question);
      reasons.set(own.reason, (reasons.get(own.reason) ?? 0) + 1);
      // Compared as text first: expect is slow, and this is done 100,000 times.
      if (JSON.stringify(answers[at]) !== JSON.stringify(own))
        expect({ question, ...(answers[at] as Answer) }).toEqual({ question, ...own });
    });
  }
  // Every reason occurred, so that agreeing means something.
  expect(reasons.size).toBe(13);
});
