import { type GateName, gateNames } from "../stack/settings.ts";
import type { StackDescription } from "../stack/stack-file.ts";
import { createCustomer } from "./customer.ts";
import { createDirectWay } from "./direct-way.ts";
import { askUntil, type Expectation, type GateOutcome, isExpected, type Way } from "./gate-client.ts";
import { type ControlStep, type RequestStep, type StoryContext, story } from "./steps.ts";

/** One line of the telling. */
export interface Chapter {
  /** Number of its step, from 1. */
  step: number;
  ok: boolean;
  /** `ARM`, or how a request reached the gate. */
  way: "ARM" | Way;
  /** Absent for a step at ARM. */
  gate?: GateName;
  verdict: string;
  /** HTTP status; 0 where there was none. */
  status: number;
  reason: string;
  meaning: string;
  /** What was expected, or what failed, where it is not ok. */
  problem?: string;
}

export interface TellOptions {
  stack: StackDescription;
  /** Names of the two accounts, new to the stack. */
  accounts?: readonly [first: string, second: string];
  /** Called with each line as it happens. */
  tell(chapter: Chapter): void;
  /** Told once where requests can't be sent straight from a link address. */
  noDirectWay(reason: string): void;
  /** Runs between the steps; tests restart parts of the stack here. */
  between?(nextStep: number): Promise<void>;
  signal?: AbortSignal;
}

/**
 * Tells the story with real requests, each also straight from its link address where this machine allows that. The
 * story ends at the first step at ARM that fails, for the rest would mean nothing.
 *
 * @returns every line; the story went well when all are ok.
 */
export async function tellStory(options: TellOptions): Promise<Chapter[]> {
  const { stack, accounts: [first, second] = ["contoso", "fabrikam"] } = options;
  const context: StoryContext = {
    stack,
    contributor: createCustomer(stack, "contributor"),
    network: createCustomer(stack, "network-contributor"),
    first,
    second,
    links: new Map(),
  };
  const directWay = createDirectWay(new URL(stack.gates.nginx.httpUrl).hostname.startsWith("["));
  let closedWay: string | undefined;
  const chapters: Chapter[] = [];
  const add = (chapter: Chapter): boolean => {
    chapters.push(chapter);
    options.tell(chapter);
    return chapter.ok;
  };
  try {
    for (const [index, step] of story.entries()) {
      const number = index + 1;
      if (index > 0) await options.between?.(number);
      options.signal?.throwIfAborted();
      if (step.kind === "control") {
        if (!add(await tellControl(step, context, number))) break;
        continue;
      }
      for (const gate of gateNames) add(await tellRequest(step, context, number, "PROXY v2", gate));
      if (!step.throughLink || closedWay !== undefined) continue;
      closedWay = await directWay.open(step.from(context));
      if (closedWay !== undefined) options.noDirectWay(closedWay);
      else for (const gate of gateNames) add(await tellRequest(step, context, number, "direct", gate));
    }
    return chapters;
  } finally {
    await directWay.close();
    await context.contributor.close();
    await context.network.close();
  }
}

/** How many steps the story has, so that a story cut short is seen as one. */
export const storyLength = story.length;

async function tellControl(step: ControlStep, context: StoryContext, number: number): Promise<Chapter> {
  const line = { step: number, way: "ARM" as const, verdict: "done", reason: "", meaning: step.meaning(context) };
  try {
    const status = await step.run(context);
    if (status === step.status) return { ...line, ok: true, status };
    return { ...line, ok: false, verdict: "failed", status, problem: `expected HTTP status ${step.status}` };
  } catch (error) {
    return { ...line, ok: false, verdict: "failed", status: 0, problem: (error as Error).message };
  }
}

async function tellRequest(
  step: RequestStep,
  context: StoryContext,
  number: number,
  way: Way,
  gate: GateName,
): Promise<Chapter> {
  const account = step.to(context);
  const line = { step: number, way, gate, meaning: step.meaning(context) };
  const host = `${account}.${context.stack.zone.private}`;
  try {
    const request = { host, path: step.path, source: step.from(context), way, gate };
    const outcome = await askUntil(context.stack, request, step.expected);
    const problem = findProblem(step, context, outcome);
    const { verdict, status, reason } = outcome;
    return { ...line, ok: problem === undefined, verdict, status, reason, ...(problem ? { problem } : {}) };
  } catch (error) {
    return { ...line, ok: false, verdict: "failed", status: 0, reason: "", problem: (error as Error).message };
  }
}

function findProblem(step: RequestStep, context: StoryContext, outcome: GateOutcome): string | undefined {
  if (!isExpected(outcome, step.expected)) return `expected ${describe(step.expected)}`;
  if (step.expected.verdict === "deny") return outcome.served ? "a FHIR service was reached all the same" : undefined;
  const account = step.to(context);
  if (outcome.served?.account !== account) return `answered by ${outcome.served?.account}, not by ${account}`;
  const client = step.client?.(context) ?? null;
  if (outcome.served.told.privateLinkClient !== client) {
    return `the service was told ${outcome.served.told.privateLinkClient}, not ${client}`;
  }
  return client !== null && outcome.client !== client ? `the log says ${outcome.client}, not ${client}` : undefined;
}

function describe({ verdict, status, reason }: Expectation): string {
  return `${verdict}, ${status}, ${reason}`;
}
