import { setTimeout as delay } from "node:timers/promises";
import {
  ACCOUNT_BODY,
  type Answer,
  type ArmClient,
  accountPath,
  connectionPath,
  decisionBody,
  proxyBody,
  proxyPath,
} from "@linkgate/api/testing";
import type { Grant, Ledger } from "./ledger.ts";

/** Milliseconds. */
const PAUSE = 25;
const CALL_LIMIT = 60_000;
const LIMIT = 240_000;

export type Revocation = "delete connection" | "delete proxy" | "reject" | "delete account";

/** An operation that was acknowledged: the path where it is asked for; null when there was nothing left to do. */
export type Operation = string | null;

/**
 * ARM as it calls the api, for NRP: tries again whatever was not answered, as ARM does, until there is an acknowledgement.
 * Every method may be called while the api and its database die and come back.
 */
export class Arm {
  readonly #client: ArmClient;
  readonly #ledger: Ledger;
  #isOver = false;

  constructor(client: ArmClient, ledger: Ledger) {
    this.#client = client;
    this.#ledger = ledger;
  }

  /** Gives up whatever is being tried, so that a failed test ends. */
  giveUp(): void {
    this.#isOver = true;
  }

  async createAccount(account: string): Promise<void> {
    await this.#insist("PUT", accountPath(account), [200, 201], ACCOUNT_BODY);
  }

  /**
   * Gives a link to an account: NRP's PUT of a proxy, approved at once or by a second call. While the link is still claimed by
   * another account, which is to be revoked, it is asked for again and again.
   */
  async approve(account: string, linkId: number, kind: "auto" | "manual" = "auto"): Promise<Grant> {
    const name = connectionName(linkId);
    const grant = this.#ledger.grant(account, linkId);
    const refused = () => {
      grant.from = performance.now();
    };
    await this.#insist("PUT", proxyPath(account, name), [200, 201], proxyBody(name, kind, [linkId]), refused);
    this.#ledger.noteGranted(grant);
    if (kind === "manual") {
      await this.#insist("PUT", connectionPath(account, name), [200], decisionBody("Approved"));
    }
    return grant;
  }

  /** Asks for a revocation. Acknowledged when this returns; complete when {@link untilComplete} does. */
  async revoke(grant: Grant, how: Revocation): Promise<Operation> {
    grant.revoking = performance.now();
    const name = connectionName(grant.linkId);
    const answer = await this.#revoke(grant.account, name, how);
    const url = answer.headers["azure-asyncoperation"];
    return url === undefined ? null : new URL(url).pathname + new URL(url).search;
  }

  #revoke(account: string, name: string, how: Revocation): Promise<Answer> {
    switch (how) {
      case "delete connection":
        return this.#insist("DELETE", connectionPath(account, name), [202, 204]);
      case "delete proxy":
        return this.#insist("DELETE", proxyPath(account, name), [200, 202, 204]);
      case "reject":
        return this.#insist("PUT", connectionPath(account, name), [200], decisionBody("Rejected"));
      case "delete account":
        return this.#insist("DELETE", accountPath(account), [202, 204]);
    }
  }

  /** Whether the operation has completed. Notes it in the ledger. */
  async isComplete(operation: Operation, grant: Grant): Promise<boolean> {
    if (operation !== null) {
      const { body } = await this.#insist("GET", operation, [200]);
      if (body.status === "Failed") throw new Error(`${operation} failed: ${JSON.stringify(body.error)}`);
      if (body.status !== "Succeeded") return false;
    }
    grant.to = Math.min(grant.to, performance.now());
    return true;
  }

  async untilComplete(operation: Operation, grant: Grant, limitMs = LIMIT): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await this.isComplete(operation, grant))) {
      if (performance.now() > deadline || this.#isOver) {
        throw new Error(`${operation} still runs after ${limitMs} ms: link ${grant.linkId} of ${grant.account}`);
      }
      await delay(PAUSE);
    }
  }

  /** The status of the account's connection with that link; null when there is none. */
  async readStatus(account: string, linkId: number): Promise<string | null> {
    const answer = await this.#insist("GET", connectionPath(account, connectionName(linkId)), [200, 404]);
    return answer.status === 404 ? null : answer.body.properties.privateLinkServiceConnectionState.status;
  }

  /** Calls until one of the wanted answers comes. @param refused called when it was refused for now @throws Error for an answer that no second try would change */
  async #insist(
    method: string,
    path: string,
    wanted: readonly number[],
    body?: object,
    refused = () => {},
  ): Promise<Answer> {
    const deadline = performance.now() + LIMIT;
    for (let last = "no answer"; ; await delay(PAUSE)) {
      if (this.#isOver || performance.now() > deadline) throw new Error(`${method} ${path} in vain; last: ${last}`);
      let answer: Answer;
      try {
        answer = await withLimit(this.#client.call(method, path, body === undefined ? {} : { body }));
      } catch (error) {
        last = String(error);
        continue;
      }
      if (wanted.includes(answer.status)) return answer;
      last = `${answer.status} ${answer.text}`;
      // 503 says that it is the database; a 500 would say that nobody has thought of this.
      if (answer.status === 503) continue;
      if (!/LinkIdInUse|AnotherOperationInProgress/.test(answer.text)) {
        throw new Error(`${method} ${path} was answered ${last}`);
      }
      refused();
    }
  }
}

/** One private endpoint for each link. */
export function connectionName(linkId: number): string {
  return `pe${linkId}.5dc668b3-70e4-437f-b61c-a3c1e594be7a`;
}

async function withLimit(call: Promise<Answer>): Promise<Answer> {
  const over = new AbortController();
  try {
    return await Promise.race([
      call,
      delay(CALL_LIMIT, undefined, { signal: over.signal }).then(() => {
        throw new Error(`no answer in ${CALL_LIMIT} ms`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
