import pg from "pg";
import type { Stack } from "./stack.ts";

/**
 * Puts connections into the registry behind its back, for no account may have so many: `many-00001.guid` and on, whose endpoints
 * are called alike.
 *
 * @param states of connections that no gate admits, which they have in turn
 */
export async function fillConnections(
  { databaseUrl }: Stack,
  account: string,
  count: number,
  states = ["Rejected"],
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `insert into connections (account, name_key, name, status, description, actions_required, provisioning_state,
          remote_private_endpoint, link_ids, etag, system_data, created_at)
        select $1, name, name, ($3::text[])[n % cardinality($3::text[]) + 1], 'Request ' || n, 'None', 'Succeeded',
          jsonb_build_object('id', '/subscriptions/00000000-0000-0000-0000-00000000000b/resourceGroups/partners/providers/' ||
            'Microsoft.Network/privateEndpoints/many-' || lpad(n::text, 5, '0')), '{}', n, '{}', now() - n * interval '1 minute'
        from generate_series(1, $2::int) n,
          lateral (select 'many-' || lpad(n::text, 5, '0') || '.' || md5(n::text)::uuid as name) names`,
      [account, count, states],
    );
    await client.query("analyze");
  } finally {
    await client.end();
  }
}
