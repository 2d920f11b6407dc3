import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeAddress } from "./source-address.ts";

/**
 * Vitest's global setup: addresses that tests lend to the machine stay until the whole run is over, because files that run side by
 * side have them in common. Each project calls it; the first one counts.
 */
export function setup(): () => void {
  if (process.env.LINKGATE_LENT_ADDRESSES !== undefined) return () => {};
  const folder = mkdtempSync(join(tmpdir(), "linkgate-addresses-"));
  const file = join(folder, "lent");
  writeFileSync(file, "");
  process.env.LINKGATE_LENT_ADDRESSES = file;
  return () => {
    for (const address of readFileSync(file, "utf8").split("\n").filter(Boolean)) removeAddress(address);
    rmSync(folder, { recursive: true });
  };
}
