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
