import fc from "fast-check";
import { describe, expect, test } from "vitest";
import cases from "../cases/feed.json" with { type: "json" };
import { START_OVER_DROP, START_OVER_KEEP, START_OVER_MALFORMED } from "../src/index.ts";
import { lines } from "../testing/lines.ts";
import { linkIds } from "../testing/questions.ts";
import type { Engine, ReadLine } from "./engine.ts";
import { engines, javaScript, wasm } from "./engines.ts";
import { readLineByPattern } from "./reference.ts";

/** Reads a page as a gate does, line by line until the last one; null for a page that is dropped. */
function readPage(engine: Engine, page: string): object | null {
  const changes: { account: string; version: string; entry: string }[] = [];
  let from = 0;
  for (;;) {
    const end = page.indexOf("\n", from);
    const line = engine.readLine(page, from, end);
    if (line.kind === "malformed") return null;
    if (line.kind === "more" || line.kind === "done") return { changes, cursor: line.name, more: line.kind === "more" };
    changes.push({ account: line.name, version: line.version, entry: line.entry });
    from = end + 1;
  }
}

const START_OVERS = [START_OVER_MALFORMED, START_OVER_KEEP, START_OVER_DROP];

describe.each(engines)("$name", engine => {
  test.each(cases.pages)("page: $name", row => {
    expect(readPage(engine, row.page)).toEqual(row.reads);
  });

  test.each(cases.startOver)("start over: $name", row => {
    const read = START_OVERS.indexOf(engine.readStartOver(row.body));
    expect(["malformed", "keep", "drop"][read]).toBe(row.reads);
  });

  test("a line is read within its bounds only", () => {
    const page = "+a\t1\tenabled\t7\n+b\t2\tdisabled\t8,9\n=c\tdone\n";
    expect(engine.readLine(page, 15, page.indexOf("\n", 15))).toMatchObject({ kind: "upsert", name: "b" });
    const comma = page.indexOf(","); // what stands before it would be a good line
    const noEnds = [-1, 0, 14, 15, 16, comma, page.length, page.length + 1];
    for (const end of noEnds) expect(engine.readLine(page, 15, end), `LF at ${end}`).toEqual({ kind: "malformed" });
    expect(engine.readLine(page, 0, page.lastIndexOf("\n")), "three lines as one").toEqual({ kind: "malformed" });
    // The LF of the page before, which in wasm still lies behind this one, is none of it.
    expect(engine.readLine("-a\t1\n", 0, 4)).toMatchObject({ kind: "removal" });
    expect(engine.readLine("-a\t1", 0, 4)).toEqual({ kind: "malformed" });
    // The word behind the LF must not complete the line before it.
    expect(engine.readLine("+a\t1\nenabled\t\n", 0, 4)).toEqual({ kind: "malformed" });
    expect(engine.readLine("+a\t1\tenabled\n\t\n", 0, 12)).toEqual({ kind: "malformed" });
    expect(engine.readLine("-a\t12\n", 0, 4)).toEqual({ kind: "malformed" });
    expect(engine.readLine("=c\tdone", 0, 7)).toEqual({ kind: "malformed" });
    expect(engine.readLine("=c\t\ndone", 0, 3)).toEqual({ kind: "malformed" });
  });

  test("a version is newer, or not, as the number it is", () => {
    const version = fc.oneof(
      fc.bigInt(1n, 9999999999999999999n),
      fc.bigInt(1n, 30n),
      fc.constantFrom(9n, 10n, 99n, 100n, 9007199254740992n, 9007199254740993n, 8446744073709551616n),
    );
    const pair = fc.oneof(
      fc.tuple(version, version),
      version.chain(one => fc.constantFrom(one, one + 1n, one * 10n).map(other => [one, other] as [bigint, bigint])),
    );
    fc.assert(
      fc.property(pair, fc.constantFrom("enabled\t7,8\t", "disabled\t\t", "removed\t\t"), ([next, known], record) => {
        if (next >= 10n ** 19n || known >= 10n ** 19n || next === 0n) return;
        expect(engine.isNewer(`-a\t${next}`, record + known)).toBe(next > known);
        expect(engine.isNewer(`+a\t${next}\tenabled\t7`, record + known)).toBe(next > known);
      }),
      { numRuns: 5_000 },
    );
  });

  test("anything is newer than an entry that can't be read", () => {
    const unreadable = ["", "99999999999999999999", "Enabled\t7\t99", "x\t\t99"];
    for (const entry of unreadable) expect(engine.isNewer("-a\t1", entry), entry).toBe(true);
  });

  test("what a line says is what the table then says", () => {
    const ids = fc.uniqueArray(
      linkIds().filter(id => id > 0),
      { maxLength: 20 },
    );
    const version = fc.bigInt(1n, 9999999999999999999n);
    fc.assert(
      fc.property(ids, version, fc.boolean(), fc.array(linkIds(), { maxLength: 5 }), (list, at, isPublic, others) => {
        const text = `+a\t${at}\t${isPublic ? "enabled" : "disabled"}\t${list.join(",")}`;
        const line = engine.readLine(`${text}\n`, 0, text.length);
        if (line.kind !== "upsert") throw new Error(`${text} reads as ${line.kind}`);
        const approved = new Set(list);
        const neighbours = list.flatMap(id => [id - 1, id + 1, Math.floor(id / 10), (id * 10) % 2 ** 32, id % 1e9]);
        for (const id of [...list, ...others, ...neighbours, Number(at % 4294967296n)]) {
          if (id < 1 || id > 4294967295) continue;
          const entry = engine.readEntry(line.entry, id);
          expect(entry.holds, `${id} in ${line.entry}`).toBe(approved.has(id));
          expect(entry.hasLinkIds).toBe(approved.size > 0);
          expect(entry.allowsPublic).toBe(isPublic);
          expect(entry.start).toBe(isPublic ? 8 : 9);
        }
        expect(engine.isNewer(text, line.entry)).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test("a removal says that the account is gone", () => {
    const line = engine.readLine("-a\t12\n", 0, 5);
    expect(line).toEqual({ kind: "removal", name: "a", version: "12", entry: "removed\t\t12" });
    expect(engine.readEntry("removed\t\t12", 12)).toMatchObject({ start: 0, allowsPublic: false });
  });
});

test("both engines and a second reader agree on 100,000 random lines", () => {
  const kinds = new Map<ReadLine["kind"], number>();
  const behind = fc.constantFrom("", "", "=c\tdone\n");

  fc.assert(
    fc.property(fc.constantFrom("", "-z\t1\n"), lines(), behind, (before, line, after) => {
      const page = `${before}${line}\n${after}`;
      const end = before.length + line.length;
      const read = javaScript.readLine(page, before.length, end);
      expect(wasm.readLine(page, before.length, end)).toEqual(read);
      expect(read).toEqual(readLineByPattern(line, after === ""));
      kinds.set(read.kind, (kinds.get(read.kind) ?? 0) + 1);
    }),
    { numRuns: 100_000 },
  );
  expect(kinds.get("upsert")).toBeGreaterThan(10_000);
  expect(kinds.get("removal")).toBeGreaterThan(10_000);
  expect(kinds.get("more")).toBeGreaterThan(500);
  expect(kinds.get("done")).toBeGreaterThan(500);
}, 600_000);
