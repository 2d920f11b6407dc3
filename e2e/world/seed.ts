import { randomInt } from "node:crypto";

/** The seed of this run: `LINKGATE_SEED`, or another one each time. Tests print it when they fail. */
export function chooseSeed(): number {
  const wanted = process.env.LINKGATE_SEED;
  return wanted === undefined ? randomInt(0x1_0000_0000) : Number(wanted) >>> 0;
}
