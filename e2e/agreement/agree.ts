import { Battlefield } from "../attackers/battle.ts";
import type { Battle } from "../attackers/compare.ts";
import type { Plan } from "../attackers/generate.ts";
import type { World } from "../attackers/reference.ts";
import { gates } from "../gates/index.ts";
import { generateRequest } from "./generate.ts";

const BATCH = 1000;

export interface AgreementSettings {
  readonly linkTlv: World["linkTlv"];
  /** 0 to 4294967295. */
  readonly seed: number;
  readonly requests: number;
  /** From this number on. Default 0. */
  readonly first?: number;
  readonly onProgress?: (requests: number) => void;
}

/** What many requests came to. */
export interface Agreement {
  /** Requests that every gate judged with the same target. */
  compared: number;
  /** How often each reason was given among those. */
  readonly reasons: Record<string, number>;
}

/**
 * Puts the same requests to every gate. Each must say what core says in Node of the bytes that were sent; and wherever their proxies
 * hand on the same target, all must say the same.
 * @throws Error with the first disagreements, and how to have them again
 */
export async function findAgreement(settings: AgreementSettings): Promise<Agreement> {
  const { linkTlv, seed, requests, first = 0, onProgress } = settings;
  const agreement: Agreement = { compared: 0, reasons: {} };
  const fields: Battlefield[] = [];
  try {
    for (const kind of gates) fields.push(await Battlefield.open(kind, linkTlv));
    const [{ ways } = expectField()] = fields;
    for (let done = 0; done < requests; done += BATCH) {
      const size = Math.min(BATCH, requests - done);
      const plans = Array.from({ length: size }, (_, at) => generateRequest(seed, first + done + at, ways));
      const problems = await findProblems(fields, plans, agreement);
      if (problems.length > 0) {
        const again = `npm run soak -- agreement --seed ${seed} --first <number> --count 1 --tlv ${linkTlv}`;
        throw new Error([`seed ${seed}, TLV ${linkTlv}; again: ${again}`, ...problems.slice(0, 10)].join("\n"));
      }
      for (const field of fields) field.emptyLog();
      onProgress?.(done + size);
    }
    return agreement;
  } finally {
    for (const field of fields) await field.close();
  }
}

/** Puts requests to every gate, and compares each with the reference and with the others. */
async function findProblems(
  fields: readonly Battlefield[],
  plans: readonly Plan[],
  agreement: Agreement,
): Promise<string[]> {
  // An address that clients come from is shared by both gates, and their peers' kernel tells the connections apart.
  const results = await Promise.all(fields.map(field => field.fight(plans)));
  const problems = results.flatMap(({ problems: each }, at) =>
    each.map(({ plan, text }) => `${fields[at]?.gate.name}: ${plan?.index ?? ""} ${text}`),
  );
  for (const [at, { index }] of plans.entries()) {
    const disagreement = compareGates(
      results.map(({ battles }) => battles[at]),
      agreement,
    );
    if (disagreement !== null) problems.push(`${index} ${disagreement}`);
  }
  return problems;
}

/** Null if the gates say the same, or if they can't be compared: one refused the request, or made another target of it. */
function compareGates(battles: readonly (Battle | undefined)[], agreement: Agreement): string | null {
  const lines = battles.map(battle => battle?.lines.find(line => line.verdict !== ""));
  const targets = battles.map(battle => battle?.verdicts[0]?.request?.target);
  const [one] = lines;
  if (one === undefined || lines.includes(undefined) || new Set(targets).size > 1) return null;
  agreement.compared++;
  agreement.reasons[one.reason] = (agreement.reasons[one.reason] ?? 0) + 1;
  const said = lines.map(line => `${line?.verdict} ${line?.reason} ${line?.account} ${line?.client}`);
  return new Set(said).size > 1 ? said.map((text, at) => `${gates[at]?.name}: ${text}`).join("; ") : null;
}

function expectField(): never {
  throw new Error("there is no gate");
}
