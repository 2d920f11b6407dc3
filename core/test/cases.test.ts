import { describe, expect, test } from "vitest";
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
