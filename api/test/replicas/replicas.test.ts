import { expect, onTestFailed, test } from "vitest";
import { chooseSeed } from "../../soak/random.ts";
import { soakReplicas } from "../../soak/replicas/run.ts";

/** `npm run soak -- replicas` takes five minutes. */
const SECONDS = 20;

test(`32 writers on 3 replicas that are killed, for ${SECONDS} s: nothing acknowledged is lost, nothing is granted twice`, {
  timeout: 600_000,
}, async () => {
  const seed = chooseSeed();
  onTestFailed(() => console.log(`LINKGATE_SEED=${seed}\n${logged}`));
  let logged = "";
  const { objections, counts, errors } = await soakReplicas({ seed, seconds: SECONDS });
  logged = errors.join("\n");
  console.log(counts);
  expect(objections).toEqual([]);
  for (const what of [
    "connections made",
    "changes answered and written",
    "feed changes",
    "reports: batches",
    "audits",
  ]) {
    expect(counts[what], what).toBeGreaterThan(0);
  }
});
