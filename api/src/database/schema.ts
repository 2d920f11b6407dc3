import type { ColumnType, Generated, GeneratedAlways, Kysely, Transaction } from "kysely";
import type { AccountBody } from "../accounts/schema.ts";
import type { RemotePrivateEndpoint } from "../proxies/schema.ts";

/** The state of a connection as its account's owner sees it (design 5, ARM common-types privatelinks). */
export type ConnectionStatus = "Pending" | "Approved" | "Rejected" | "Disconnected";
export type ProvisioningState = "Creating" | "Updating" | "Deleting" | "Succeeded" | "Failed";

/** Who created and last changed a resource, as ARM sends it in `x-ms-arm-resource-system-data`. */
export type SystemData = Record<string, string>;

/** The one row that says which life of the database this is (feed rules 8 and 9). */
export interface RegistryTable {
  single: Generated<boolean>;
  /** Random, drawn once when the database was made; a dump carries it, a new server changes the rest of the epoch. */
  seed: string;
  /** `seed.systemIdentifier.databaseOid.timeline` as last seen by an api; empty before the first look. */
  epoch: string;
  epoch_since: Generated<Date>;
  /** False from a change of epoch until a platform engineer has reconciled the registry with NRP; the feed waits for it. */
  released: Generated<boolean>;
  /**
   * False from a change of epoch until a platform engineer vouches that no gate process is left which the registry has
   * forgotten; barriers wait for it, or for the largest age limit (feed rule 9).
   */
  gates_vouched: Generated<boolean>;
  /** The epoch that the last whole reconciliation with NRP belongs to; a release asks for one of the present epoch. */
  reconciled_epoch: string | null;
  reconciled_at: Date | null;
}

/** One tenant's FHIR service. The key is its host label, so a name is taken over all subscriptions and zones. */
export interface AccountsTable {
  /** Lower case. */
  account: string;
  subscription_id: string;
  resource_group: string;
  /** `services`; later `workspaces`. */
  resource_type: string;
  /** As the caller wrote it. */
  name: string;
  location: string;
  kind: AccountBody["kind"];
  tags: ColumnType<Record<string, string>, string, string>;
  /** What the caller PUT under `properties`, without what the registry owns. */
  properties: ColumnType<Record<string, unknown>, string, string>;
  public_network_access: "Enabled" | "Disabled";
  provisioning_state: ProvisioningState;
  etag: string;
  system_data: ColumnType<SystemData, string, string>;
  /** State of the subscription as far as this account has been brought into it; in all but Registered it is offline. */
  subscription_state: Generated<SubscriptionState>;
  /** One life of an account: whoever takes its name later has another number. From 1. */
  life: GeneratedAlways<number>;
  created_at: Generated<Date>;
}

/** Where a subscription stands (ARM RPC: subscription lifecycle). */
export type SubscriptionState = "Registered" | "Warned" | "Suspended" | "Unregistered" | "Deleted";

/** What ARM has announced of a subscription; one that was never announced has no row. */
export interface SubscriptionsTable {
  /** Lower case. */
  subscription_id: string;
  state: SubscriptionState;
  /** False while accounts have still to be brought into this state, or, when it is Deleted, to go. */
  settled: boolean;
  correlation_id: string;
  changed_at: Generated<Date>;
}

/** A private endpoint connection and NRP's proxy of it: one row, two views. */
export interface ConnectionsTable {
  account: string;
  /** `{peName}.{guid}`, lower case. */
  name_key: string;
  /** As NRP wrote it. */
  name: string;
  status: ConnectionStatus;
  description: string;
  actions_required: string;
  provisioning_state: ProvisioningState;
  /** `remotePrivateEndpoint` as NRP sent it. */
  remote_private_endpoint: ColumnType<RemotePrivateEndpoint, string, string>;
  /** `immutableResourceId`, lower case: the endpoint stays the same when it is moved. */
  immutable_resource_id: string | null;
  /** Every link id of `connectionDetails`, unsigned 32-bit. In force only while the status is Approved. */
  link_ids: ColumnType<number[], string[], string[]>;
  etag: string;
  system_data: ColumnType<SystemData, string, string>;
  created_at: Generated<Date>;
}

/** A link id in force or being revoked. The primary key is feed rule 27: one owner at a time. */
export interface LinkClaimsTable {
  link_id: number;
  account: string;
  name_key: string;
}

/** What the gates are told of an account: one row each, tombstones kept (feed rule 1). */
export interface FeedTable {
  account: string;
  /** From 1; 0 only inside the transaction that makes the row. */
  version: number;
  /** `pg_current_xact_id()` of the last writer, as text. */
  writer: ColumnType<string, string, string>;
  present: boolean;
  public_access: "enabled" | "disabled";
  link_ids: ColumnType<number[], string[], string[]>;
}

/** One life of a gate's process (feed rules 10 to 16 and 22 to 26). */
export interface GatesTable {
  incarnation: string;
  gate: string;
  state: "live" | "ended" | "retired" | "given-up";
  first_heard: Generated<Date>;
  heard_at: Date;
  /** Seconds; the larger of old and new until the answer with the new one was sent. */
  max_age: number;
  /** `pg_snapshot` as text: everything visible in it is in force for all workers of that process. */
  acknowledged: string | null;
}

/** A cursor handed to a gate, made durable before it is sent (feed rules 2, 5 and 6). */
export interface CursorsTable {
  /** Random; what the gate is given. */
  cursor: string;
  incarnation: string;
  epoch: string;
  /** `pg_snapshot` as text of the last whole sweep; null in a first load. */
  base: string | null;
  /** `pg_snapshot` as text of this sweep's first page. */
  sweep: string;
  /** Where the sweep goes on; null between sweeps. */
  last_account: string | null;
  /** Seconds; the age limit of the poll that this cursor answered, in force at the gate once it comes back with it. */
  max_age: number;
  handed_at: Generated<Date>;
}

export type OperationKind = "connection-reject" | "connection-delete" | "connection-relink" | "account-delete";

/** A running revocation: it ends when no gate can still admit what it took away (feed rules 23 to 28). */
export interface OperationsTable {
  id: string;
  kind: OperationKind;
  account: string;
  name_key: string | null;
  subscription_id: string;
  location: string;
  /** The ARM id of the resource it works on, in the caller's casing. */
  resource_id: string;
  status: "Running" | "Succeeded" | "Failed";
  started_at: Generated<Date>;
  ended_at: Date | null;
  error: ColumnType<{ code: string; message: string } | null, string | null, string | null>;
  /** The transaction that revoked, as text; gates must have acknowledged a snapshot that sees it. */
  revocation: string;
  barrier_passed_at: Date | null;
  correlation_id: string | null;
}

/** What NRP has still to be told of a connection, its newest state; a row goes when NRP has answered. */
export interface NrpNoticesTable {
  id: Generated<string>;
  /** The operation that ends no earlier; null where none waits. */
  operation: string | null;
  /** ARM id of what is told to: NRP's own proxy of the connection. */
  proxy_id: string;
  /** ARM id of the connection; there is one row for each, whatever the casing. */
  connection_id: string;
  status: "Approved" | "Rejected" | "Disconnected";
  description: string;
  /** Counts the states that came while one was waiting, so that none is taken for told. */
  revision: Generated<number>;
  correlation_id: string | null;
  attempts: Generated<number>;
  /** Nobody tries (again) before; it also keeps two replicas from telling the same at once. */
  not_before: Generated<Date>;
}

/** What an admin asks ARM for by the portal; written before ARM is asked, never changed. */
export interface DecisionIntentsTable {
  /** Drawn by the admin API; it travels through ARM and NRP to the registry's own row. */
  correlation_id: string;
  account: string;
  name_key: string;
  action: "approve" | "reject" | "remove";
  comment: string;
  /** Object id in the tenant. */
  by_id: string;
  by_name: string;
  /** Application id of the client that the admin used. */
  by_app: string;
  at: Generated<Date>;
}

/** That ARM refused an intent for good: nothing came of it, and nothing may be put down to it any more. */
export interface DecisionRefusalsTable {
  correlation_id: string;
  account: string;
  name_key: string;
  code: string;
  message: string;
  at: Generated<Date>;
}

/** Every change of state, written in the transaction that makes it, never changed. */
export interface DecisionsTable {
  id: Generated<string>;
  /** The database's clock when the row was written: the order of the changes of one account. */
  at: Generated<Date>;
  /** `pg_current_xact_id()` of the change, as text. */
  writer: Generated<string>;
  account: string;
  subscription_id: string;
  resource_group: string;
  /** As it was written then. */
  account_name: string;
  /** None where the account itself changed. */
  name_key: string | null;
  connection: string | null;
  action: string;
  from_state: string;
  to_state: string;
  comment: string | null;
  /** `portal`: there is an intent of the same correlation id, account and connection; `linkgate`: the api by itself. */
  via: "portal" | "arm" | "nrp" | "linkgate";
  by_id: string | null;
  by_name: string | null;
  by_app: string | null;
  correlation_id: string;
}

/** Requests that the gates have told of, by minute and by hour. */
export interface CountsTable {
  /** Of the account; 0 for every host name that was no account. */
  life: number;
  step: "minute" | "hour";
  /** The beginning of that minute or hour, in UTC. */
  at: Date;
  /** As the gates' access logs spell it. */
  reason: string;
  /** `other`: by a link that is none of the account's; `public`: by no link. */
  origin: "connection" | "other" | "public";
  /** The account's connection; empty for the other origins. */
  name_key: string;
  requests: number;
  bytes: number;
}

/** The minutes in which a connection was last let in and last turned away. */
export interface ConnectionTrafficTable {
  life: number;
  name_key: string;
  last_admitted: Date | null;
  last_denied: Date | null;
}

/** Links that a connection of the account had: what still comes by them is told of as that connection's. */
export interface PastLinksTable {
  life: number;
  link_id: number;
  name_key: string;
  /** As NRP wrote it. */
  name: string;
  freed_at: Generated<Date>;
}

/** A place within a gate's process that counts, and the last batch that it has told of. */
export interface ReportersTable {
  incarnation: string;
  reporter: string;
  gate: string;
  sequence: number;
  /** What the gate calls itself. */
  version: string;
  heard_at: Date;
}

export interface Database {
  registry: RegistryTable;
  accounts: AccountsTable;
  connections: ConnectionsTable;
  link_claims: LinkClaimsTable;
  feed: FeedTable;
  gates: GatesTable;
  cursors: CursorsTable;
  operations: OperationsTable;
  nrp_notices: NrpNoticesTable;
  subscriptions: SubscriptionsTable;
  decision_intents: DecisionIntentsTable;
  decision_refusals: DecisionRefusalsTable;
  decisions: DecisionsTable;
  counts: CountsTable;
  connection_traffic: ConnectionTrafficTable;
  past_links: PastLinksTable;
  reporters: ReportersTable;
}

/** A database or an open transaction of it. */
export type Queryable = Kysely<Database> | Transaction<Database>;
