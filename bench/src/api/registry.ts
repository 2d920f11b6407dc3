import { join } from "node:path";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@linkgate/api";
import { ArmClient, makeCertificate, makeEnvironment, NRP, Replica } from "@linkgate/api/testing";
import pg from "pg";
import { COMMON_LINK, linksOf, nameAccount } from "../feed.ts";

const SUBSCRIPTION = "00000000-0000-0000-0000-00000000000b";

/** The name of the gates that the api takes for its own, and their token. */
export const GATE = { gate: "bench", token: "bench" } as const;

/** One api on one PostgreSQL that knows when each transaction was committed. */
export interface Registry {
  /** The processes. */
  readonly pids: { readonly api: number; readonly postgres: number };
  readonly feedUrl: string;
  /** Asks as NRP does. */
  readonly arm: ArmClient;
  /** Connections of the bench's own. */
  readonly sql: pg.Pool;
  stop(): Promise<void>;
}

/** Starts them in a folder of their own. */
export async function startRegistry(folder: string): Promise<Registry> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const postgres = await startPostgres(join(folder, "postgres"));
    stops.push(() => postgres.stop());
    const [server, certificate] = await Promise.all([makeCertificate("server"), makeCertificate("arm")]);
    const gates = { [GATE.gate]: GATE.token };
    const env = await makeEnvironment({ folder, databaseUrl: postgres.url, server, arm: certificate, gates });
    const api = await Replica.start({ ...env, LINKGATE_MAX_CONNECTIONS: "1000" }, () => {});
    stops.push(() => api.end("SIGTERM"));
    const arm = new ArmClient(`https://127.0.0.1:${api.ports.arm}`, { ca: server.cert, certificate, appId: NRP });
    stops.push(() => arm.close());
    const sql = new pg.Pool({ connectionString: postgres.url, max: 4 });
    stops.push(() => sql.end());
    const pids = { api: api.pid, postgres: postgres.pid };
    return { pids, feedUrl: `http://127.0.0.1:${api.ports.feed}`, arm, sql, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const first = await startEmbeddedPostgres({ dataDir });
  const client = new pg.Client({ connectionString: first.url });
  await client.connect();
  await client.query("alter system set track_commit_timestamp = on");
  await client.end();
  await first.stop();
  return await startEmbeddedPostgres({ dataDir });
}

/**
 * Puts accounts with their links straight into the tables, as if they had been approved one by one. The link that all of them
 * share is claimed by none, so that one client may ask for any.
 */
export async function fillAccounts(sql: pg.Pool, accounts: number): Promise<void> {
  const numbers = Array.from({ length: accounts }, (_, n) => n);
  const names = numbers.map(nameAccount);
  const links = numbers.map(linksOf);
  await sql.query(
    `insert into accounts (account, subscription_id, resource_group, resource_type, name, location, kind, tags, properties,
        public_network_access, provisioning_state, etag, system_data)
      select name, $2, 'rg', 'services', name, 'westus2', 'fhir-R4', '{}', '{}', 'Disabled', 'Succeeded', name, '{}'
      from unnest($1::text[]) name`,
    [names, SUBSCRIPTION],
  );
  await sql.query(
    `with filled as (
        select name, array[first, second, $4::bigint] as ids
        from unnest($1::text[], $2::bigint[], $3::bigint[]) filled (name, first, second)),
      connected as (
        insert into connections (account, name_key, name, status, description, actions_required, provisioning_state,
          remote_private_endpoint, link_ids, etag, system_data)
        select name, 'pe', 'pe', 'Approved', '', 'None', 'Succeeded', '{}', ids, name, '{}' from filled),
      claimed as (
        insert into link_claims (link_id, account, name_key)
        select id, name, 'pe' from filled, unnest(ids) id where id <> $4)
    insert into feed (account, version, writer, present, public_access, link_ids)
    select name, 1, pg_current_xact_id(), true, 'disabled', ids from filled`,
    [names, links.map(([first]) => first), links.map(([, second]) => second), COMMON_LINK],
  );
  // What PostgreSQL has to do after so much is done now, and not while something is timed.
  await sql.query("vacuum analyze");
  await sql.query("checkpoint");
}
