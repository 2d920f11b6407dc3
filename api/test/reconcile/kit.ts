import { pino } from "pino";
import { putAccount } from "../../src/accounts/service.ts";
import type { Caller } from "../../src/arm/system-data.ts";
import { finishers } from "../../src/connections/finish.ts";
import { findConnection } from "../../src/connections/repository.ts";
import { decideConnection, deleteConnection } from "../../src/connections/service.ts";
import type { OpenDatabase } from "../../src/database/open.ts";
import { type NrpClient, type NrpProxy, NrpUnanswered } from "../../src/nrp/client.ts";
import { startOperationWorker } from "../../src/operations/worker.ts";
import { readProxyRequest } from "../../src/proxies/schema.ts";
import { putProxy } from "../../src/proxies/service.ts";
import { accountPath, proxyBody, SUBSCRIPTION } from "../support/documents.ts";

export const caller: Caller = { systemData: {}, correlationId: "c0000000-0000-4000-8000-000000000001" };
export const silent = pino({ level: "silent" });
const at = (account: string) => ({ subscriptionId: SUBSCRIPTION, resourceGroup: "rg", account });

/** NRP's own memory, which no restore of ours puts back. */
export class NrpDouble implements NrpClient {
  readonly proxies = new Map<string, NrpProxy>();
  readonly told: string[] = [];
  /** While it is, it answers nothing. */
  isAway = false;

  /** What NRP has of an endpoint from now on. */
  set(name: string, account: string, linkIds: readonly number[], status = "Approved"): void {
    const id = proxyIdAtNrp(name);
    this.proxies.set(name, { id, name, accountId: accountPath(account), status, linkIds });
  }

  async findProxy(id: string): Promise<NrpProxy | undefined> {
    this.#answer();
    return [...this.proxies.values()].find(proxy => proxy.id === id);
  }

  async listProxies(accountId: string): Promise<NrpProxy[]> {
    this.#answer();
    return [...this.proxies.values()].filter(proxy => proxy.accountId.toLowerCase() === accountId.toLowerCase());
  }

  async tell(id: string, connectionId: string): Promise<void> {
    this.#answer();
    this.told.push(`${id.split("/").at(-1)} ${connectionId.split("/").at(-3)}`);
  }

  #answer(): void {
    if (this.isAway) throw new NrpUnanswered("away");
  }
}

export const proxyIdAtNrp = (name: string): string =>
  `/subscriptions/${SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/privateEndpoints/${name}/privateLinkServiceProxies/${name}`;

export const createAccount = ({ db }: OpenDatabase, account: string) =>
  db
    .transaction()
    .execute(tx => putAccount(tx, at(account), { kind: "fhir-R4", location: "westus2" } as never, {}, caller));

/** NRP PUTs an endpoint's proxy here. */
export const connect = (
  { db }: OpenDatabase,
  account: string,
  name: string,
  links: number[],
  kind: "auto" | "manual" = "auto",
) =>
  db
    .transaction()
    .execute(tx =>
      putProxy(tx, { ...at(account), name }, readProxyRequest(proxyBody(name, kind, links) as never), caller, 5),
    );

export const disconnect = ({ db }: OpenDatabase, account: string, name: string) =>
  db.transaction().execute(tx => deleteConnection(tx, { ...at(account), name }, caller));

export const decide = ({ db }: OpenDatabase, account: string, name: string, status: "Approved" | "Rejected") =>
  db
    .transaction()
    .execute(tx =>
      decideConnection(
        tx,
        { ...at(account), name },
        { properties: { privateLinkServiceConnectionState: { status } } } as never,
        caller,
      ),
    );

export const connection = ({ db }: OpenDatabase, account: string, name: string) => findConnection(db, account, name);

/** The api's worker, without waiting times of its own. */
export const startWorker = (database: OpenDatabase, log = silent) =>
  startOperationWorker({ ...database, finishers, linkQuarantine: 0, ageMargin: 0, log });
