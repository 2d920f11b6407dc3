import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import * as promises from "node:fs/promises";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { readGateTokens } from "../../src/feed/tokens.ts";

vi.mock("node:fs/promises", { spy: true });

/** The text of a file of tokens, so long that each has another length. */
const tokensOf = (...tokens: string[]): string =>
  JSON.stringify({ gate: tokens.map(token => createHash("sha256").update(token).digest("hex")) });

test("of two changes one after the other the last one holds, also where the first was read for longer", async () => {
  const folder = await mkdtemp(join(tmpdir(), "linkgate-tokens-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "tokens.json");
  writeFileSync(file, tokensOf());
  const tokens = readGateTokens(file, error => expect.unreachable(String(error)));

  const slow = Promise.withResolvers<string>();
  const reading = Promise.withResolvers<void>();
  vi.mocked(promises.readFile).mockImplementationOnce(() => {
    reading.resolve();
    return slow.promise;
  });
  await writeFile(file, tokensOf("withdrawn"));
  const first = tokens.ownerOf("Bearer withdrawn");
  await reading.promise;
  await writeFile(file, tokensOf("one", "two"));
  expect(await tokens.ownerOf("Bearer one")).toBe("gate");

  slow.resolve(tokensOf("withdrawn"));
  await first;
  expect(await tokens.ownerOf("Bearer withdrawn")).toBeUndefined();
  expect(await tokens.ownerOf("Bearer two")).toBe("gate");
});
