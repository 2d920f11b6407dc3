import type { DecisionResult } from "../../../spec/generated/types.ts";
import { recordIntent, recordRefusal } from "../../audit/intents.ts";
import type { DecisionIntentsTable } from "../../database/schema.ts";
import { Refusal } from "../../feed/refusal.ts";
import { type ArmAnswer, readArmError } from "../arm/client.ts";
import { type FoundConnection, findConnection } from "../connections/routes.ts";
import { type AdminContext, type Asking, requireAzure } from "../context.ts";
import { followDecision } from "./follow.ts";

/** What an admin wants done to one connection. */
export interface Wish {
  readonly action: DecisionIntentsTable["action"];
  readonly comment: string;
  readonly account: string;
  readonly name: string;
  readonly etag?: string | undefined;
}

const API_VERSION = "2024-03-31";

/**
 * Has ARM carry out a wish in the person's own name (design 5 "Approving"). Nothing here decides: the intent is written
 * down, ARM is asked, and what it says is passed on.
 *
 * @throws Refusal only where ARM could not be asked at all, before anything was written
 */
export async function decide(context: AdminContext, asking: Asking, wish: Wish): Promise<DecisionResult> {
  const { account, name } = wish;
  const found = await findConnection(context, asking, account, name);
  if (found === undefined) return refuse(wish, "NotFound", "there is no such connection, or it is not yours to see");
  if (wish.etag !== undefined && wish.etag !== found.row.etag) {
    return { ...refuse(wish, "Changed", "it has changed since you saw it; look at it again"), connection: found.view };
  }
  const { correlationId, caller } = asking;
  const intent = { correlationId, account: found.row.account, nameKey: found.row.name_key };
  const by = { objectId: caller.objectId, name: caller.name, appId: caller.appId };
  await recordIntent(context.database.db, { ...intent, action: wish.action, comment: wish.comment, by });
  const asked = await ask(context, asking, wish, found);
  const result = "outcome" in asked ? asked : await settle(context, asking, wish, found, asked);
  if (result.outcome === "refused" && result.error !== undefined) {
    await recordRefusal(context.database.db, intent, result.error);
  }
  const now = await findConnection(context, asking, account, name);
  return now === undefined ? result : { ...result, connection: now.view };
}

async function ask(
  context: AdminContext,
  asking: Asking,
  { action, comment, account, name }: Wish,
  found: FoundConnection,
): Promise<ArmAnswer | DecisionResult> {
  const status = action === "approve" ? "Approved" : "Rejected";
  const state = { status, ...(comment === "" ? {} : { description: comment }) };
  const change =
    action === "remove"
      ? ({ method: "DELETE" } as const)
      : ({ method: "PUT", body: { properties: { privateLinkServiceConnectionState: state } } } as const);
  const request = { ...change, path: found.view.id, apiVersion: API_VERSION, correlationId: asking.correlationId };
  try {
    return await requireAzure(context).arm.send(asking.caller, request);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Whether it was carried out nobody knows: the answer may have been lost on the way.
    return { account, name, outcome: "unknown", error: { code: error.code, message: error.message } };
  }
}

async function settle(
  context: AdminContext,
  asking: Asking,
  wish: Wish,
  found: FoundConnection,
  answer: ArmAnswer,
): Promise<DecisionResult> {
  const { account, name } = wish;
  if (answer.status >= 500 || answer.status === 408 || answer.status === 429) {
    return { account, name, outcome: "unknown", error: readArmError(answer) };
  }
  if (answer.status >= 300) return { account, name, outcome: "refused", error: readArmError(answer) };
  const failure = await followDecision(context, asking, wish, found, answer);
  return failure === undefined
    ? { account, name, outcome: "accepted" }
    : { account, name, outcome: "refused", error: failure };
}

function refuse({ account, name }: Wish, code: string, message: string): DecisionResult {
  return { account, name, outcome: "refused", error: { code, message } };
}
