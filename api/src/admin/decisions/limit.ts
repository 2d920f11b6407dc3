import { LRUCache } from "lru-cache";
import { Refusal } from "../../feed/refusal.ts";

/** Connections that one person may decide about within a minute. Every try leaves rows that are never deleted. */
const PER_MINUTE = 300;
const MINUTE = 60_000;

/** Counts people's decisions on this replica, by windows of a minute. */
export function createDecisionLimit(): (objectId: string, count: number) => void {
  const counts = new LRUCache<string, number>({ max: 10_000, ttl: MINUTE, noUpdateTTL: true });
  return (objectId, count) => {
    const sum = (counts.get(objectId) ?? 0) + count;
    if (sum > PER_MINUTE) {
      throw new Refusal(429, "TooManyDecisions", `no more than ${PER_MINUTE} decisions a minute; wait, and try again`);
    }
    counts.set(objectId, sum);
  };
}
