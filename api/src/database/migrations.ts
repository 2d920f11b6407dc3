import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const registry: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of [
      sql`create table registry (
        single boolean primary key default true check (single), seed text not null, epoch text not null,
        epoch_since timestamptz not null default clock_timestamp(), released boolean not null default true,
        gates_vouched boolean not null default true)`,
      sql`insert into registry (seed, epoch) values (replace(gen_random_uuid()::text, '-', ''), '')`,
      sql`create table accounts (
        account text primary key, subscription_id text not null, resource_group text not null, resource_type text not null,
        name text not null, location text not null, kind text not null, tags jsonb not null, properties jsonb not null,
        public_network_access text not null check (public_network_access in ('Enabled', 'Disabled')),
        provisioning_state text not null, etag text not null, system_data jsonb not null)`,
      sql`create index accounts_by_group on accounts (lower(subscription_id), lower(resource_group), account)`,
      sql`create table connections (
        account text not null references accounts, name_key text not null, name text not null,
        status text not null check (status in ('Pending', 'Approved', 'Rejected', 'Disconnected')),
        description text not null, actions_required text not null, provisioning_state text not null,
        remote_private_endpoint jsonb not null, immutable_resource_id text, link_ids bigint[] not null,
        etag text not null, system_data jsonb not null, created_at timestamptz not null default now(),
        primary key (account, name_key))`,
      sql`create table link_claims (
        link_id bigint primary key check (link_id between 1 and 4294967295), account text not null, name_key text not null)`,
      sql`create index link_claims_by_connection on link_claims (account, name_key)`,
      // Byte order, so that no locale of the server can change the order of a sweep between two of its pages. The checks
      // keep anything that could forge a line out of what the gates are sent.
      sql`create table feed (
        account text collate "C" primary key check (account ~ '^[a-z0-9-]{1,63}$'),
        version bigint not null check (version >= 0), writer xid8 not null, present boolean not null,
        public_access text not null check (public_access in ('enabled', 'disabled')),
        link_ids bigint[] not null check (1 <= all (link_ids) and 4294967295 >= all (link_ids)))`,
      sql`create index feed_by_writer on feed (writer)`,
      sql`create table gates (
        incarnation text primary key, gate text not null,
        state text not null check (state in ('live', 'ended', 'retired', 'given-up')),
        first_heard timestamptz not null default clock_timestamp(), heard_at timestamptz not null,
        max_age double precision not null, acknowledged pg_snapshot)`,
      sql`create index gates_live on gates (incarnation) where state = 'live'`,
      sql`create table cursors (
        cursor text primary key, incarnation text not null references gates on delete cascade, epoch text not null,
        base pg_snapshot, sweep pg_snapshot not null, last_account text collate "C", max_age double precision not null,
        handed_at timestamptz not null default clock_timestamp())`,
      sql`create index cursors_by_gate on cursors (incarnation, handed_at)`,
      sql`create table operations (
        id text primary key, kind text not null, account text not null, name_key text, subscription_id text not null,
        location text not null, resource_id text not null, status text not null check (status in ('Running', 'Succeeded', 'Failed')),
        started_at timestamptz not null default now(), ended_at timestamptz, error jsonb, revocation xid8 not null,
        barrier_passed_at timestamptz, correlation_id text)`,
      sql`create index operations_running on operations (started_at) where status = 'Running'`,
    ]) {
      await statement.execute(db);
    }
  },
};

const nrp: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of [
      sql`alter table registry add reconciled_epoch text, add reconciled_at timestamptz`,
      sql`create table nrp_notices (
        id text primary key default gen_random_uuid()::text, operation text not null references operations,
        proxy_id text not null, connection_id text not null, attempts integer not null default 0,
        not_before timestamptz not null default clock_timestamp())`,
      sql`create index nrp_notices_by_operation on nrp_notices (operation)`,
      sql`create index nrp_notices_due on nrp_notices (not_before)`,
    ]) {
      await statement.execute(db);
    }
  },
};

const audit: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of [
      // What an admin asked ARM for, committed before ARM is asked; and what ARM refused for good.
      sql`create table decision_intents (
        correlation_id text not null, account text not null, name_key text not null,
        action text not null check (action in ('approve', 'reject', 'remove')), comment text not null,
        by_id text not null, by_name text not null, by_app text not null,
        at timestamptz not null default clock_timestamp(), primary key (correlation_id, account, name_key))`,
      sql`create table decision_refusals (
        correlation_id text not null, account text not null, name_key text not null, code text not null, message text not null,
        at timestamptz not null default clock_timestamp(),
        foreign key (correlation_id, account, name_key) references decision_intents)`,
      sql`create index decision_refusals_by_intent on decision_refusals (correlation_id, account, name_key)`,
      // The rows outlive what they tell of, so they refer to no account.
      sql`create table decisions (
        id uuid primary key default gen_random_uuid(), at timestamptz not null default clock_timestamp(),
        writer xid8 not null default pg_current_xact_id(),
        account text not null, subscription_id text not null, resource_group text not null, account_name text not null,
        name_key text, connection text, action text not null, from_state text not null, to_state text not null, comment text,
        via text not null check (via in ('portal', 'arm', 'nrp', 'linkgate')),
        by_id text, by_name text, by_app text, correlation_id text not null)`,
      sql`create index decisions_by_connection on decisions (account, name_key, at)`,
      sql`create index decisions_by_group on decisions (lower(subscription_id), lower(resource_group), at)`,
      sql`create index decisions_by_time on decisions (at, id)`,
      sql`create index decisions_by_writer on decisions (writer)`,
      sql`create unique index decisions_by_intent on decisions (correlation_id, account, name_key) where via = 'portal'`,
      sql`create function refuse_rewriting_history() returns trigger language plpgsql as $$
        begin raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege'; end $$`,
      ...["decision_intents", "decision_refusals", "decisions"].map(
        table => sql`create trigger append_only before update or delete or truncate on ${sql.table(table)}
          for each statement execute function refuse_rewriting_history()`,
      ),
    ]) {
      await statement.execute(db);
    }
  },
};

const subscriptions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of [
      sql`create table subscriptions (
        subscription_id text primary key,
        state text not null check (state in ('Registered', 'Warned', 'Suspended', 'Unregistered', 'Deleted')),
        settled boolean not null, correlation_id text not null,
        changed_at timestamptz not null default clock_timestamp())`,
      sql`create index subscriptions_unsettled on subscriptions (subscription_id) where not settled`,
      sql`alter table accounts add subscription_state text not null default 'Registered'`,
      sql`alter table nrp_notices alter operation drop not null, add status text not null default 'Disconnected',
        add description text not null default 'The private link resource was deleted.',
        add revision integer not null default 0, add correlation_id text`,
      sql`create unique index nrp_notices_by_connection on nrp_notices (lower(connection_id))`,
    ]) {
      await statement.execute(db);
    }
  },
};

const counts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of [
      sql`alter table accounts add life bigint generated always as identity unique,
        add created_at timestamptz not null default now()`,
      // By life, not by name: what is counted while an account goes belongs to nobody, whoever has its name next.
      sql`create table counts (
        life bigint not null, step text not null check (step in ('minute', 'hour')), at timestamptz not null,
        reason text not null, origin text not null check (origin in ('connection', 'other', 'public')),
        name_key text not null, requests bigint not null, bytes bigint not null,
        primary key (life, step, at, reason, origin, name_key)) with (fillfactor = 80)`,
      sql`create index counts_by_time on counts (step, at)`,
      sql`create table connection_traffic (
        life bigint not null, name_key text not null, last_admitted timestamptz, last_denied timestamptz,
        primary key (life, name_key)) with (fillfactor = 80)`,
      sql`create table past_links (
        life bigint not null, link_id bigint not null, name_key text not null, name text not null,
        freed_at timestamptz not null default clock_timestamp(), primary key (life, link_id))`,
      sql`create index past_links_by_connection on past_links (life, name_key)`,
      sql`create table reporters (
        incarnation text not null, reporter text not null, gate text not null, sequence bigint not null,
        version text not null, heard_at timestamptz not null, primary key (incarnation, reporter))`,
    ]) {
      await statement.execute(db);
    }
  },
};

/** Every change of the tables, in order; a name, once released, never changes. */
export const migrations: Record<string, Migration> = {
  "0001-registry": registry,
  "0002-nrp": nrp,
  "0003-audit": audit,
  "0004-subscriptions": subscriptions,
  "0005-counts": counts,
};
