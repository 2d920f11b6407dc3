// Random lines of the feed, most of them sound or nearly so. Core's own tests compare Node, wasm and a second reader on them; a
// host compares its runtime with Node on `sampleLines`.
import fc from "fast-check";
import { junk, labels, linkIds, nearly } from "./questions.ts";

/** `count` lines, without their ends, the same for the same seed. */
export function sampleLines(seed: number, count: number): string[] {
  return fc.sample(lines(), { seed, numRuns: count });
}

/** A line of a page, without its end, of which every part may be sound, nearly sound or junk. */
export function lines(): fc.Arbitrary<string> {
  const id = fc.oneof(
    { weight: 6, arbitrary: linkIds().map(String) },
    { weight: 1, arbitrary: fc.bigInt(4294967290n, 4294967300n).map(String) },
    { weight: 1, arbitrary: fc.constantFrom("4199999999", "4289999999", "4290000000", "3999999999", "999999999") },
    { weight: 1, arbitrary: fc.constantFrom("00", "01", "9999999999", "10000000000", "-1", "") },
  );
  const ids = fc
    .oneof(
      { weight: 20, arbitrary: fc.array(id, { maxLength: 4 }) },
      { weight: 1, arbitrary: fc.array(linkIds().map(String), { minLength: 48, maxLength: 53 }) },
    )
    .map(list => list.join(","));
  const version = fc.oneof(
    { weight: 8, arbitrary: fc.bigInt(1n, 9999999999999999999n).map(String) },
    { weight: 1, arbitrary: fc.constantFrom("0", "01", "", "10000000000000000000", "1e3") },
  );
  const access = fc.constantFrom("enabled", "enabled", "enabled", "disabled", "disabled", "Enabled");
  const upsert = fc.tuple(labels(), version, access, ids).map(parts => `+${parts.join("\t")}`);
  const removal = fc.tuple(labels(), version).map(parts => `-${parts.join("\t")}`);
  const last = fc.tuple(junk(8), fc.constantFrom("more", "done", "last")).map(parts => `=${parts.join("\t")}`);
  return nearly(
    fc.oneof({ weight: 4, arbitrary: upsert }, { weight: 2, arbitrary: removal }, { weight: 1, arbitrary: last }),
  );
}
