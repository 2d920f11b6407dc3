import { sql } from "kysely";
import type { Queryable } from "./open.ts";

/** Whose transaction it is, and for how many seconds it has been open. */
export interface OldestTransaction {
  readonly what: string;
  readonly seconds: number;
}

/**
 * The oldest open or prepared transaction of this database (feed rule 4): it delays no gate, but everything written
 * since it began is read again and again. Without the role `pg_read_all_stats` only the api's own are seen. PostgreSQL's own
 * vacuum is none of them: it is nobody's, may take hours, and writes under no id meanwhile.
 */
export async function readOldestTransaction(db: Queryable): Promise<OldestTransaction | undefined> {
  const { rows } = await sql<OldestTransaction>`
    select what, extract(epoch from clock_timestamp() - since)::double precision as seconds from (
      select 'connection ' || pid || ' of ' || usename as what, xact_start as since from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
          and backend_type <> 'autovacuum worker'
      union all
      select 'prepared transaction ' || gid, prepared from pg_prepared_xacts where database = current_database()
    ) as open order by since limit 1`.execute(db);
  return rows[0];
}
