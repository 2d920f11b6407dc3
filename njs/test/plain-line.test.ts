import { sampleLines } from "@linkgate/core/testing/lines";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Change } from "../src/page.ts";
import { readPlainLine } from "../src/plain-line.ts";
import { readLineByCore } from "./support/core-line.ts";
import { ScriptedNginx } from "./support/scripted-nginx.ts";

// The pattern may take nothing that core does not read in the same way; what it leaves costs time alone.

const SEED = 20261122;
const COUNT = 150_000;
const BATCH = 10_000;

let nginx: ScriptedNginx;

/** What the gate's own engine makes of a page's only line, or of the one behind another. */
beforeAll(async () => {
  nginx = await ScriptedNginx.start(`
    import { readPlainLine } from "../src/plain-line.ts";
    const answer = ([page, from]) => readPlainLine(page, from);`);
});

afterAll(() => nginx.stop());

test(`Node and njs read ${COUNT} random lines as core does, or not at all`, async () => {
  let plain = 0;
  let sound = 0;
  for (let from = 0; from < COUNT; from += BATCH) {
    const questions = sampleLines(SEED + from, BATCH).map((line, at): [string, number] =>
      at % 2 === 0 ? [`${line}\n`, 0] : [`-z\t1\n${line}\n=c\tdone\n`, 5],
    );
    const answers = (await nginx.ask(questions)) as (Change | null)[];
    expect(answers.length).toBe(BATCH);
    questions.forEach(([page, start], at) => {
      const core = readLineByCore(page, start);
      const own = readPlainLine(page, start);
      if (core !== null && page[start] === "+") sound++;
      if (own !== null) plain++;
      // Compared as text first: expect is slow, and this is done 150,000 times.
      if (JSON.stringify(answers[at]) !== JSON.stringify(own))
        expect({ page, njs: answers[at] }).toEqual({ page, njs: own });
      if (own !== null && JSON.stringify(own) !== JSON.stringify(core))
        expect({ page, own }).toEqual({ page, own: core });
    });
  }
  // Most that could be read were, so that agreeing means something.
  expect(sound).toBeGreaterThan(30_000);
  expect(plain).toBeGreaterThan(sound / 2);
});

describe("a line", () => {
  const plain = "+contoso-fhir\t7\tdisabled\t822088585,17";

  test("of the plain form is read, with its place", () => {
    const page = `-z\t1\n${plain}\n`;
    const read = { account: "contoso-fhir", entry: "disabled\t822088585,17\t7", from: 5, end: page.length - 1 };
    expect(readPlainLine(page, 5)).toEqual(read);
    expect(readLineByCore(page, 5)).toEqual(read);
    expect(readPlainLine(page, 0)).toBe(null);
    expect(readPlainLine(page, 6)).toBe(null);
  });

  test.for([
    `${plain}`,
    `${plain}\r\n`,
    `${plain},\n`,
    `${plain}\t\n`,
    `${plain},4294967296\n`,
    `${plain},0\n`,
    `${plain},017\n`,
    ` ${plain}\n`,
    `${plain.replace("-", "\u2010")}\n`,
    `${plain.replace("contoso-fhir", "co--fhir")}\n`,
    `${plain.replace("contoso-fhir", "-fhir")}\n`,
    `${plain.replace("contoso-fhir", "fhir-")}\n`,
    `${plain.replace("contoso-fhir", "a".repeat(64))}\n`,
    `${plain.replace("contoso-fhir", "CONTOSO")}\n`,
    `${plain.replace("contoso-fhir", "\u212aontoso")}\n`,
    `${plain.replace("7", "0")}\n`,
    `${plain.replace("7", "\u0667")}\n`,
    `${plain.replace("7", "1".repeat(20))}\n`,
  ])("that core refuses is not plain: %j", page => {
    expect(readLineByCore(page, 0)).toBe(null);
    expect(readPlainLine(page, 0)).toBe(null);
  });

  test("with more link ids than any account has is core's to read, and takes no stack", async () => {
    const ids = Array.from({ length: 100_000 }, (_, at) => 1_000_000_000 + at).join();
    const page = `+contoso\t7\tenabled\t${ids}\n`;
    expect(await nginx.ask([[page, 0]])).toEqual([null]);
    expect(readLineByCore(page, 0)?.account).toBe("contoso");
  });
});
