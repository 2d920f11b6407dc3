import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const TESTS = join(import.meta.dirname, "..");
const PAGE = join(TESTS, "../../docs/api/rules.md");

const rows = [...(await readFile(PAGE, "utf8")).matchAll(/^\| (.+) \| .*\| `([\w/.-]+\.test\.ts)`: (.+) \|$/gm)];

describe("the page of ARM's rules", () => {
  it("has rules", () => expect(rows.length).toBeGreaterThan(35));

  it.each(rows.map(([, rule = "", file = "", title = ""]) => [rule, file, title]))(
    "%s: its test is there",
    async (_rule, file, title) => {
      expect(await readFile(join(TESTS, file), "utf8")).toContain(title);
    },
  );
});
