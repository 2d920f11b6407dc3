import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ERROR_STATUS } from "../../src/arm/errors.ts";

const PAGE = join(import.meta.dirname, "../../../docs/api/errors.md");

it("every error code is in the docs' one table, with its status, in the same order", async () => {
  const rows = [...(await readFile(PAGE, "utf8")).matchAll(/^\| `(\w+)` \| (\d{3}) \|(.*)\|(.*)\|$/gm)];
  expect(rows.map(([, code, status]) => [code, Number(status)])).toEqual(Object.entries(ERROR_STATUS));
  for (const [, code, , when, advice] of rows) expect([when?.trim(), advice?.trim()], code).not.toContain("");
});

it("403 has one code, the transport's (ARM RPC: 403 only when ARM's client certificate is not trusted)", () => {
  const forbidden = Object.entries(ERROR_STATUS).filter(([, status]) => status === 403);
  expect(forbidden).toEqual([["Forbidden", 403]]);
});
