import { LRUCache } from "lru-cache";
import { Refusal } from "../../feed/refusal.ts";
import { type ArmAnswer, type ArmClient, readArmError } from "../arm/client.ts";
import { NO_RIGHTS, type Rights, readPermission, readRights } from "./actions.ts";
import type { Caller } from "./tokens.ts";

/** ARM's answers about who may do what where. */
export interface Permissions {
  /**
   * What a person may do at a scope, roles inherited from above included.
   *
   * @param scope ARM id of a subscription, a resource group or an account
   * @throws Refusal 401, 503
   */
  at(person: Caller, scope: string, correlationId: string): Promise<Rights>;
  /** The same, asked anew: for an answer that is to be kept, which would otherwise be believed twice as long. */
  anewAt(person: Caller, scope: string, correlationId: string): Promise<Rights>;
}

/** Milliseconds that an answer is believed (design 5 "Approving"). */
export const LIFETIME = 60_000;
/** Answers kept, over all people. */
const KEPT = 50_000;

const API_VERSION = "2022-04-01";

interface Question {
  readonly person: Caller;
  readonly scope: string;
  readonly correlationId: string;
}

/** Asks ARM with the person's own token, and believes the answer for a minute at most. */
export function createPermissions(arm: ArmClient): Permissions {
  const kept = new LRUCache<string, Rights, Question>({
    max: KEPT,
    ttl: LIFETIME,
    ttlResolution: 0,
    fetchMethod: (_key, _old, { context }) => ask(arm, context),
  });
  const find = async (question: Question, forceRefresh: boolean): Promise<Rights> => {
    const key = `${question.person.objectId} ${question.scope.toLowerCase()}`;
    return (await kept.fetch(key, { context: question, forceRefresh })) ?? NO_RIGHTS;
  };
  return {
    at: (person, scope, correlationId) => find({ person, scope, correlationId }, false),
    anewAt: (person, scope, correlationId) => find({ person, scope, correlationId }, true),
  };
}

async function ask(arm: ArmClient, { person, scope, correlationId }: Question): Promise<Rights> {
  const path = `${scope}/providers/Microsoft.Authorization/permissions`;
  const answer = await arm.list(person, { path, apiVersion: API_VERSION, correlationId });
  if (Array.isArray(answer)) return readRights(answer.map(readPermission));
  assertAnswered(answer);
  return NO_RIGHTS;
}

/** A 403 or 404 says that there is nothing for this person; any other answer says nothing. */
export function assertAnswered(answer: ArmAnswer): void {
  if (answer.status === 403 || answer.status === 404) return;
  if (answer.status === 401) throw new Refusal(401, "SignInAgain", "Azure Resource Manager did not take your sign-in");
  const { code } = readArmError(answer);
  throw new Refusal(503, "ArmUnavailable", `Azure Resource Manager could not say what you may see (${code})`);
}
