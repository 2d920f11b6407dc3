import { contract } from "../contract/contract.ts";

/** What ARM announces of a subscription. */
export const subscriptionBody = contract.operation("Subscriptions_Announce");
