import { randomUUID } from "node:crypto";
import type { Transaction } from "kysely";
import { type Account, lockAccount } from "../accounts/repository.ts";
import { ArmError } from "../arm/errors.ts";
import { accountId } from "../arm/paths.ts";
import type { Caller } from "../arm/system-data.ts";
import { connectionId } from "../connections/document.ts";
import { type Connection, findConnection } from "../connections/repository.ts";
import { changeConnection, deleteConnection } from "../connections/service.ts";
import { enterCurrentEpoch } from "../database/epoch.ts";
import type { OpenDatabase } from "../database/open.ts";
import type { Database } from "../database/schema.ts";
import { type NrpClient, NrpUnanswered, proxyIdOf } from "../nrp/client.ts";
import { listStanding, pageAccounts, recordReconciled } from "./repository.ts";
import { judge, type Verdict } from "./verdict.ts";

/** One line of a report: a resource by its ARM id, and a sentence. */
export interface Finding {
  readonly id: string;
  readonly text: string;
}

/** What a reconciliation found and did. */
export interface ReconcileReport {
  /** True when NRP has answered for every connection: only then the registry may be released. */
  readonly complete: boolean;
  readonly accounts: number;
  readonly connections: number;
  /** Connections that were deleted or corrected; each is a revocation like any other, and ends when the gates have heard of it. */
  readonly changed: readonly Finding[];
  /** What somebody else has to see to: nothing was done. */
  readonly open: readonly Finding[];
  /** Connections for which NRP gave no answer, or one that was out of date when it came. */
  readonly unanswered: readonly Finding[];
}

/** Accounts looked at side by side; each asks NRP one thing after the other. */
const SIDE_BY_SIDE = 8;

/**
 * Asks NRP about every connection of the registry and takes back what NRP does not confirm (feed rule 9: a restore can
 * revive links that Azure has given to others). Each connection is a transaction of its own and goes the way of any
 * revocation, so a reconciliation that is cut off is simply run again.
 *
 * @throws RegistryUnavailable on a standby
 */
export async function reconcileRegistry({ db }: OpenDatabase, nrp: NrpClient): Promise<ReconcileReport> {
  const { epoch } = await enterCurrentEpoch(db);
  const reconciliation = new Reconciliation(db, nrp);
  for await (const accounts of pageAccounts(db)) {
    const queue = accounts.values();
    await Promise.all(
      Array.from({ length: SIDE_BY_SIDE }, async () => {
        for (const account of queue) await reconciliation.visit(account);
      }),
    );
  }
  const complete = reconciliation.unanswered.length === 0 && (await recordReconciled(db, epoch));
  const { accounts, connections, changed, open, unanswered } = reconciliation;
  return { complete, accounts, connections, changed: sort(changed), open: sort(open), unanswered: sort(unanswered) };
}

class Reconciliation {
  readonly #db: OpenDatabase["db"];
  readonly #nrp: NrpClient;
  readonly #caller: Caller = {
    systemData: {
      lastModifiedBy: "linkgate-reconcile",
      lastModifiedByType: "Application",
      lastModifiedAt: new Date().toISOString(),
    },
    correlationId: randomUUID(),
  };
  accounts = 0;
  connections = 0;
  readonly changed: Finding[] = [];
  readonly open: Finding[] = [];
  readonly unanswered: Finding[] = [];

  constructor(db: OpenDatabase["db"], nrp: NrpClient) {
    this.#db = db;
    this.#nrp = nrp;
  }

  async visit(account: Account): Promise<void> {
    this.accounts += 1;
    const standing = await listStanding(this.#db, account.account);
    for (const connection of standing) await this.#check(account, connection);
    await this.#findMissing(account, standing);
  }

  async #check(account: Account, connection: Connection): Promise<void> {
    this.connections += 1;
    const id = connectionId(account, connection);
    try {
      const verdict = await this.#ask(account, connection);
      if (verdict.kind === "keep") {
        if (verdict.remark !== undefined) this.open.push({ id, text: verdict.remark });
        return;
      }
      const done = await this.#apply(account, connection, verdict);
      if (done === undefined) this.unanswered.push({ id, text: "it changed meanwhile; NRP has to be asked again" });
      else this.changed.push({ id, text: `${done}: ${verdict.reason}` });
    } catch (error) {
      if (!(error instanceof NrpUnanswered)) throw error;
      this.unanswered.push({ id, text: error.message });
    }
  }

  async #ask(account: Account, connection: Connection): Promise<Verdict> {
    const proxyId = proxyIdOf(connection.remote_private_endpoint, connection.name);
    if (proxyId === undefined) return { kind: "disconnect", reason: "its endpoint has no id that NRP could know" };
    const registered = {
      accountId: accountId(account),
      status: connection.status,
      linkIds: connection.link_ids.toSorted((a, b) => a - b),
    };
    return judge(registered, await this.#nrp.findProxy(proxyId));
  }

  /** Returns what was done; undefined if the connection is not what NRP was asked about any more. */
  async #apply(
    account: Account,
    connection: Connection,
    verdict: Exclude<Verdict, { kind: "keep" }>,
  ): Promise<string | undefined> {
    if (verdict.kind === "correct") {
      try {
        return await this.#whileUnchanged(connection, (tx, locked) =>
          correct(tx, locked, connection, verdict, this.#caller),
        );
      } catch (error) {
        // Another connection still holds the link, say. What can't be put right is taken away; NRP may PUT it again.
        if (!(error instanceof ArmError)) throw error;
      }
    }
    return await this.#whileUnchanged(connection, async tx => {
      await deleteConnection(
        tx,
        {
          subscriptionId: account.subscription_id,
          resourceGroup: account.resource_group,
          account: account.name,
          name: connection.name,
        },
        this.#caller,
      );
      return "disconnected";
    });
  }

  async #whileUnchanged(
    connection: Connection,
    change: (tx: Transaction<Database>, account: Account) => Promise<string>,
  ): Promise<string | undefined> {
    return await this.#db.transaction().execute(async tx => {
      const account = await lockAccount(tx, connection.account);
      const now = await findConnection(tx, connection.account, connection.name_key);
      if (account === undefined || now?.etag !== connection.etag) return undefined;
      return await change(tx, account);
    });
  }

  /** What was created after the backup: NRP PUTs it again when it is asked to; nobody else can make a connection. */
  async #findMissing(account: Account, standing: readonly Connection[]): Promise<void> {
    const id = accountId(account);
    try {
      const known = new Set(standing.map(connection => connection.name_key));
      const proxies = (await this.#nrp.listProxies(id)) ?? [];
      for (const { name, status, linkIds } of proxies) {
        if (known.has(name.toLowerCase()) || status === "Disconnected") continue;
        this.open.push({
          id: `${id}/privateEndpointConnections/${name}`,
          text: `NRP has it as ${status} (link ids: ${linkIds.join(", ") || "none"}), the registry does not; NRP has to PUT it again`,
        });
      }
    } catch (error) {
      if (!(error instanceof NrpUnanswered)) throw error;
      // Nothing is admitted by what the registry lacks, so this doesn't stand in the way of a release.
      this.open.push({ id, text: `what NRP has besides could not be listed: ${error.message}` });
    }
  }
}

async function correct(
  tx: Transaction<Database>,
  account: Account,
  connection: Connection,
  verdict: Extract<Verdict, { kind: "correct" }>,
  caller: Caller,
): Promise<string> {
  await changeConnection(tx, account, connection, caller, {
    ...(verdict.withdraw
      ? { status: "Rejected", description: `Withdrawn after a restore: ${verdict.reason}.` }
      : undefined),
    link_ids: verdict.linkIds,
    remote_private_endpoint: {
      ...connection.remote_private_endpoint,
      connectionDetails: verdict.linkIds.map(link => ({ linkIdentifier: String(link) })),
    },
  });
  return verdict.withdraw ? "approval withdrawn" : "link ids corrected";
}

const sort = (findings: Finding[]): Finding[] => findings.toSorted((a, b) => (a.id < b.id ? -1 : 1));
