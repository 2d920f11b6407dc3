import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { envoy } from "../gates/envoy.ts";
import { MemoryField } from "../memory/rounds.ts";

// The short form of `npm run soak -- memory`.

const REQUESTS = 30_000;
const CHANGES = 5_000;
/** kB. Without the reset of what the host writes for each call a request leaks some 240 bytes, 7 MB in all. */
const MOST_GROWTH = 4096;

let field: MemoryField;
beforeAll(async () => {
  field = await MemoryField.open(envoy);
});
afterAll(() => field?.close());

test("Envoy takes no more memory after 30,000 requests and 5,000 changes than before them", async () => {
  onTestFailed(() => console.log(field.explain()));
  const report = await field.run(REQUESTS, CHANGES);
  expect(report.requests).toBeGreaterThanOrEqual(REQUESTS);
  expect(report.changes).toBeGreaterThanOrEqual(CHANGES);
  expect(report.after - report.before, JSON.stringify(report)).toBeLessThan(MOST_GROWTH);
});
