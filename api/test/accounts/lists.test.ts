import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PAGE_SIZE } from "../../src/accounts/routes.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { createAccount, proxyBody, proxyPath } from "../support/documents.ts";
import { execute } from "../support/postgres.ts";

const ARM = "https://management.example.com";
const BIG = "/subscriptions/big/providers/Microsoft.HealthcareApis/services";
const TOTAL = PAGE_SIZE * 2 + 7;

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  // Names of groups that differ in casing are one group; the list must neither skip nor repeat at the border.
  await execute(
    api.databaseUrl,
    `insert into accounts select 'big' || n, 'BIG', case when n % 2 = 0 then 'One' else 'oNE' end, 'services', 'Big' || n,
       'westus2', 'fhir', '{}'::jsonb, '{}'::jsonb, 'Enabled', 'Succeeded', 'e', '{}'::jsonb from generate_series(1, ${TOTAL - 5}) n
     union all select 'other' || n, 'big', 'two', 'services', 'other' || n,
       'westus2', 'fhir', '{}'::jsonb, '{}'::jsonb, 'Enabled', 'Succeeded', 'e', '{}'::jsonb from generate_series(1, 5) n`,
  );
});
afterAll(() => api.stop());

/** All pages of a list, followed the way SDKs do. */
async function readAll(first: string): Promise<{ names: string[]; sizes: number[] }> {
  const names: string[] = [];
  const sizes: number[] = [];
  for (let path: string | undefined = first; path !== undefined; ) {
    const referer = path.startsWith("http") ? path : `${ARM}${path}?api-version=2024-03-31`;
    const { status, body } = await api.customer.get(path, { headers: { referer } });
    expect(status).toBe(200);
    names.push(...body.value.map((account: { name: string }) => account.name));
    sizes.push(body.value.length);
    if (body.nextLink !== undefined) {
      expect(body.nextLink).toMatch(new RegExp(`^${ARM}${first}\\?api-version=2024-03-31&%24skipToken=[\\w-]+$`));
    }
    path = body.nextLink;
  }
  return { names, sizes };
}

describe("lists of accounts", () => {
  it("of a subscription go through every account once, page by page", async () => {
    const { names, sizes } = await readAll(BIG);
    expect(sizes).toEqual([PAGE_SIZE, PAGE_SIZE, 7]);
    expect(new Set(names).size).toBe(TOTAL);
    expect(names).toHaveLength(TOTAL);
  });

  it("of a group leave the others out", async () => {
    const group = "/subscriptions/big/resourceGroups/ONE/providers/Microsoft.HealthcareApis/services";
    expect((await readAll(group)).names).toHaveLength(TOTAL - 5);
    expect((await readAll(group.replace("ONE", "two"))).names).toHaveLength(5);
  });

  it("have no nextLink at their end, and an empty value where there is nothing", async () => {
    const answer = await api.customer.get(BIG.replace("big", "nobody"));
    expect(answer).toMatchObject({ status: 200, body: { value: [] } });
    expect(answer.body).not.toHaveProperty("nextLink");
  });

  it("show each account's own connections", async () => {
    await createAccount(api.nrp, "with");
    await createAccount(api.nrp, "without");
    await api.nrp.put(proxyPath("with", "pe"), proxyBody("pe", "manual"));
    const path = "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.HealthcareApis/services";
    const { body } = await api.customer.get(path);
    const counts = body.value.map(
      (account: { name: string; properties: { privateEndpointConnections: unknown[] } }) => [
        account.name,
        account.properties.privateEndpointConnections.length,
      ],
    );
    expect(counts).toEqual([
      ["with", 1],
      ["without", 0],
    ]);
  });

  it.each([
    "",
    "!!",
    Buffer.from("one").toString("base64url"),
    Buffer.from("a/b/c").toString("base64url"),
    Buffer.from("a/\0").toString("base64url"),
  ])("refuse the $skipToken '%s'", async token => {
    const answer = await api.customer.get(`${BIG}?$skipToken=${token}`);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "InvalidParameter" } } });
  });
});

describe("a list of 10,000 accounts", () => {
  const MANY = 10_000;
  const PATH = "/subscriptions/many/providers/Microsoft.HealthcareApis/services";
  const insert = (names: string) =>
    execute(
      api.databaseUrl,
      `insert into accounts select name, 'many', 'g' || (n % 7), 'services', name, 'westus2', 'fhir', '{}'::jsonb,
         '{}'::jsonb, 'Enabled', 'Succeeded', 'e', '{}'::jsonb from (${names}) as made (name, n)`,
    );

  beforeAll(async () => {
    await insert(`select 'many-' || lpad(n::text, 5, '0'), n from generate_series(1, ${MANY}) n`);
  });

  it("has every account once, in whole pages", async () => {
    const { names, sizes } = await readAll(PATH);
    expect(sizes).toEqual(Array.from({ length: MANY / PAGE_SIZE }, () => PAGE_SIZE));
    expect(new Set(names).size).toBe(MANY);
  });

  it("has every account that was there all along once, whatever comes and goes between two pages", async () => {
    const seen: string[] = [];
    const removed = new Set<string>();
    let pages = 0;
    for (let path: string | undefined = PATH; path !== undefined; pages++) {
      const { body } = await api.customer.get(path);
      const names = body.value.map((account: { name: string }) => account.name);
      seen.push(...names);
      if (pages % 10 === 0) {
        // The very account that the page ended with, and others on both sides of it.
        for (const name of [names.at(-1), names[0]]) {
          removed.add(name);
          await execute(api.databaseUrl, `delete from accounts where account = '${name}'`);
        }
        await insert(`select 'many-new-' || ${pages} || '-' || n, n from generate_series(1, 14) n`);
      }
      path = body.nextLink;
    }
    expect(pages).toBeGreaterThanOrEqual(MANY / PAGE_SIZE - 1);
    const stayed = new Set((await readAll(PATH)).names.filter(name => !name.startsWith("many-new-")));
    expect(new Set(seen).size).toBe(seen.length);
    expect([...stayed].filter(name => !seen.includes(name))).toEqual([]);
    expect(stayed.size).toBe(MANY - [...removed].filter(name => !name.startsWith("many-new-")).length);
  });

  it("takes a $skipToken of one list in another for what it says, and shows nothing of other subscriptions", async () => {
    const { body } = await api.customer.get(PATH);
    const token = new URL(body.nextLink).searchParams.get("$skipToken");
    const other = await api.customer.get(`${BIG}?%24skipToken=${token}`);
    expect(other.status).toBe(200);
    for (const { id } of other.body.value) expect(id.toLowerCase()).toMatch(/^\/subscriptions\/big\//);
  });
});
