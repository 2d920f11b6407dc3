import { chooseSeed } from "@linkgate/api/testing";
import { runSoak } from "../soak/run.ts";
import { findAgreement } from "./agree.ts";

// `npm run soak -- agreement [--seed n] [--count n] [--first n] [--tlv off|optional|required|all]`: random requests to both gates, of
// which each and core in Node must say the same; 10^6 unless told otherwise, a third by each mode of the TLV.

const MODES = ["off", "optional", "required"] as const;

await runSoak({
  name: "agreement",
  numbers: { seed: chooseSeed(), count: 1e6, first: 0 },
  choices: { tlv: ["all", ...MODES] },
  async work({ tlv, seed, count, first }, progress) {
    const modes = MODES.filter(mode => tlv === "all" || tlv === mode);
    for (const linkTlv of modes) {
      const onProgress = (done: number) => progress.tell(`${done} requests with TLV ${linkTlv}`);
      const requests = Math.ceil(count / modes.length);
      const agreement = await findAgreement({ linkTlv, seed, first, requests, onProgress });
      progress.say(`TLV ${linkTlv}: ${JSON.stringify(agreement)}`);
    }
    return { modes };
  },
});
