import pg from "pg";

/**
 * What must hold in every committed state of the registry, as a query that names each row that breaks it. Each is one
 * statement, so it sees one snapshot, whatever is written meanwhile.
 */
const INVARIANTS: Readonly<Record<string, string>> = {
  "an account has no more than its maximum of connections": `
    select account || ' has ' || count(*) from connections where status <> 'Disconnected' group by account having count(*) > $1`,
  "a link id is in force for one account": `
    select link || ' for ' || string_agg(distinct account, ' and ') from connections, unnest(link_ids) link
    where status = 'Approved' group by link having count(distinct account) > 1`,
  "the feed gives a link id to one account": `
    select link || ' for ' || string_agg(account, ' and ') from feed, unnest(link_ids) link
    where present group by link having count(*) > 1`,
  "a link id in force is claimed by its connection": `
    select link || ' of ' || c.account || '/' || c.name from connections c, unnest(c.link_ids) link
    where c.status <> 'Disconnected' and not exists (select from link_claims l
      where l.link_id = link and l.account = c.account and l.name_key = c.name_key)`,
  "a claimed link id belongs to a connection, or to one that is being revoked": `
    select l.link_id || ' of ' || l.account || '/' || l.name_key from link_claims l
    where not exists (select from connections c where c.account = l.account and c.name_key = l.name_key
      and (l.link_id = any (c.link_ids) or c.provisioning_state <> 'Succeeded'))`,
  "the feed says what the registry holds": `
    select coalesce(a.account, f.account) || ': ' || coalesce(f::text, 'no row') from feed f full join (
      select a.account, a.provisioning_state <> 'Deleting' and a.subscription_state = 'Registered' as present, lower(a.public_network_access) as public_access,
        coalesce((select array_agg(distinct link order by link) from connections c, unnest(c.link_ids) link
          where c.account = a.account and c.status = 'Approved'), '{}') as link_ids
      from accounts a) a on a.account = f.account
    where (coalesce(a.present, false), case when a.present then a.public_access end, case when a.present then a.link_ids else '{}' end)
      is distinct from (f.present, case when f.present then f.public_access end, f.link_ids)`,
  "what is being changed or deleted has its running operation": `
    select x.id || ' is ' || x.provisioning_state from (
      select account as id, provisioning_state, etag from accounts
      union all select account || '/' || name, provisioning_state, etag from connections) x
    where x.provisioning_state <> 'Succeeded'
      and not exists (select from operations o where o.id = x.etag and o.status = 'Running')`,
  "an operation that has ended says when, and one that runs does not": `
    select id from operations where (status = 'Running') <> (ended_at is null)`,
  "a notice for NRP belongs to a running operation": `
    select n.id from nrp_notices n where operation is not null and not exists (select from operations o where o.id = n.operation and o.status = 'Running')`,
};

/** Names every invariant that the registry breaks at this moment, with the rows that do. */
export async function findBrokenInvariants(client: pg.ClientBase, maxConnections: number): Promise<string[]> {
  const broken: string[] = [];
  for (const [rule, query] of Object.entries(INVARIANTS)) {
    const values = query.includes("$1") ? [maxConnections] : [];
    const { rows } = await client.query<string[]>({ text: query, values, rowMode: "array" });
    if (rows.length > 0) broken.push(`not true that ${rule}: ${rows.map(([row]) => row).join("; ")}`);
  }
  return broken;
}

/** Like {@link findBrokenInvariants}, over a connection of its own. */
export async function checkRegistry(url: string, maxConnections: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await findBrokenInvariants(client, maxConnections);
  } finally {
    await client.end();
  }
}
