import type { Battlefield, Problem } from "./battle.ts";
import { generatePlan } from "./generate.ts";

/** Connections whose lines are read together. */
const BATCH = 2000;

/** What to attack with. */
export interface CampaignSettings {
  /** 0 to 4294967295. */
  readonly seed: number;
  /** How many requests at least, those that hide in others left out. */
  readonly requests: number;
  /** Attacks from this number on. Default 0. */
  readonly first?: number;
  /** Called after each batch with the number of requests so far. */
  readonly onProgress?: (requests: number) => void;
}

/**
 * Attacks with generated requests until there were enough.
 * @throws Error at the first batch in which gate and reference disagree: what, with which bytes, and how to have it again
 */
export async function campaign(field: Battlefield, settings: CampaignSettings): Promise<void> {
  const { seed, requests, first = 0, onProgress } = settings;
  const end = field.tally.requests + requests;
  for (let at = first; field.tally.requests < end; at += BATCH) {
    // A small campaign makes small batches, so that one attack can be had alone.
    const size = Math.min(BATCH, Math.max(1, Math.floor((end - field.tally.requests) / 10)));
    const plans = Array.from({ length: size }, (_, number) => generatePlan(seed, at + number, field.ways));
    const { problems } = await field.fight(plans);
    if (problems.length > 0) throw new Error(explain(seed, problems));
    field.emptyLog();
    onProgress?.(field.tally.requests);
    at += size - BATCH;
  }
}

const MOST_SHOWN = 10;

function explain(seed: number, problems: readonly Problem[]): string {
  const shown = problems.slice(0, MOST_SHOWN).map(({ plan, text }) => {
    if (plan === null) return text;
    const again = `npm run soak -- attackers --seed ${seed} --first ${plan.index} --count 1`;
    const { listener, localAddress } = plan.way;
    const bytes = JSON.stringify(plan.bytes.toString("latin1"));
    return `${text}\n  attack ${plan.index} on ${listener} from ${localAddress}, again: ${again}\n  ${bytes.slice(0, 4000)}`;
  });
  const title = `seed ${seed}: gate and reference disagree ${problems.length} times`;
  return [title, ...shown].join("\n");
}
