import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { renderTargets } from "../cases/generate-targets.ts";
import { caseFiles } from "../testing/cases.ts";
import { engines } from "./engines.ts";

describe.each(engines)("$name", engine => {
  describe.each(Object.entries(caseFiles))("%s.json", (_, rows) => {
    test.each(rows)("$name", row => {
      const { reason, account, client } = engine.decide(row);
      expect({ reason, account, client }).toEqual({
        reason: row.reason,
        account: row.account ?? "",
        client: row.client ?? "",
      });
    });
  });
});

test("target.json is what generate-targets.ts writes", () => {
  expect(readFileSync(new URL("../cases/target.json", import.meta.url), "utf8")).toBe(renderTargets());
});

test.each(Object.entries(caseFiles))("the rows of %s.json have names of their own", (_, rows) => {
  expect(new Set(rows.map(row => row.name)).size).toBe(rows.length);
});
