import { expect, test } from "vitest";
import { findAgreement } from "../agreement/agree.ts";

const SEED = Number(process.env.LINKGATE_ATTACK_SEED ?? 20261122);

/** 10^4 in all; `npm run soak -- agreement` makes 10^6. */
const REQUESTS = { off: 2000, optional: 6000, required: 2000 } as const;
const REASONS = [
  ...["unknown-host", "health-check", "unreadable-source", "unknown-account", "private-link-not-enabled"],
  ...["link-id-mismatch", "private-link", "not-private-link"],
];

test.for(["off", "optional", "required"] as const)(
  `NGINX, Envoy and core in Node say the same of random requests, seed ${SEED}, TLV %s`,
  { timeout: 1_200_000 },
  async linkTlv => {
    const requests = REQUESTS[linkTlv];
    const { compared, reasons } = await findAgreement({ linkTlv, seed: SEED, requests });
    console.log(linkTlv, compared, reasons);
    expect(compared).toBeGreaterThan(requests / 2);
    expect(Object.keys(reasons)).toEqual(expect.arrayContaining(REASONS));
  },
);
