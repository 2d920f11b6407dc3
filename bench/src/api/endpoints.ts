import { setTimeout as pause } from "node:timers/promises";
import {
  ACCOUNT_BODY,
  type Answer,
  accountPath,
  connectionPath,
  decisionBody,
  proxyBody,
  proxyPath,
} from "@linkgate/api/testing";
import type { Registry } from "./registry.ts";

/** An account with one private endpoint, which an admin can let in and turn away over and over. */
export interface Endpoint {
  readonly account: string;
  readonly linkId: number;
  decide(status: "Approved" | "Rejected"): Promise<void>;
  /** Milliseconds of `performance.now()` at which PostgreSQL committed the account's last change, or up to a millisecond before. */
  readCommit(): Promise<number>;
  /** A rejected endpoint is asked for again, as soon as its revocation is over. */
  requestAgain(): Promise<void>;
}

/** Makes the account, and asks for its endpoint. @param n from 0 */
export async function makeEndpoint({ arm, sql }: Registry, n: number): Promise<Endpoint> {
  const account = `changed-${n}`;
  const linkId = 2_000_000_000 + n;
  const request = () => arm.put(proxyPath(account, "pe"), proxyBody("pe", "manual", [linkId]));
  expect(await arm.put(accountPath(account), ACCOUNT_BODY), 201);
  expect(await request(), 201);
  return {
    account,
    linkId,
    async decide(status) {
      expect(await arm.put(connectionPath(account, "pe"), decisionBody(status)), 200);
    },
    async readCommit() {
      const asked = performance.now();
      const { rows } = await sql.query<{ age: number }>(
        `select extract(epoch from clock_timestamp() - pg_xact_commit_timestamp(writer::xid))::float8 * 1000 as age
          from feed where account = $1`,
        [account],
      );
      return asked - (rows[0]?.age ?? Number.NaN);
    },
    async requestAgain() {
      const isOver = async (): Promise<boolean> => {
        const { rows } = await sql.query<{ is_over: boolean }>(
          "select provisioning_state = 'Succeeded' as is_over from connections where account = $1",
          [account],
        );
        return rows[0]?.is_over === true;
      };
      while (!(await isOver())) await pause(50);
      expect(await request(), 200);
    },
  };
}

function expect({ status, text }: Answer, wanted: number): void {
  if (status !== wanted) throw new Error(`wanted ${wanted}, got ${status}: ${text}`);
}
