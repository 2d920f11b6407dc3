import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { knownRoles } from "../src/arm/role-definitions.ts";
import { findApplication } from "../src/authority/applications.ts";
import {
  endpoints,
  group,
  services,
  startTestAzure,
  subscriptionId,
  type TestAzure,
  tenantId,
} from "./support/azure.ts";

let azure: TestAzure;
const v = "api-version=2022-04-01";
const subscription = `/subscriptions/${subscriptionId}`;
const account = `${services}/contoso`;

beforeAll(async () => {
  azure = await startTestAzure();
});
afterAll(() => azure?.stop());

const principal = (name: string): string => findApplication(azure.applications, name).objectId;
const assignmentAt = (scope: string, name: string = randomUUID()): string =>
  `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`;
const wish = (role: keyof typeof knownRoles, principalId: string) => ({
  properties: {
    roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${knownRoles[role].name}`,
    principalId,
  },
});

/** As `name`, whatever the path. */
function call(name: string, method: string, path: string, body?: unknown) {
  return azure.call(name, method, path.includes("?") ? path : `${path}?${v}`, body);
}

describe("what the caller may do", () => {
  const ask = async (name: string, scope: string) => {
    const { status, body } = await call(name, "GET", `${scope}/providers/Microsoft.Authorization/permissions`);
    expect(status).toBe(200);
    return body.value;
  };

  it("is one permission for each of their roles, inherited ones too", async () => {
    expect(await ask("contributor", account)).toEqual(knownRoles.Contributor.permissions);
    const both = await ask("network-contributor", group);
    expect(both).toEqual([...knownRoles["Network Contributor"].permissions, ...knownRoles.Reader.permissions]);
    expect(await ask("nrp", subscription)).toEqual(knownRoles["Network Resource Provider"].permissions);
  });

  it("is nothing for who has no role, and no secret", async () => {
    expect(await ask("platform-engineer", account)).toEqual([]);
    expect(await ask("reader", "")).toEqual([]);
  });

  it("is answered at every kind of scope", async () => {
    const scopes = [subscription, group, account, `${account}/privateEndpointConnections/c`, `${endpoints}/pe`];
    for (const scope of scopes) expect(await ask("reader", scope)).toHaveLength(1);
    expect(await ask("reader", `/providers/Microsoft.Management/managementGroups/${tenantId}`)).toEqual([]);
  });
});

describe("role assignments", () => {
  it("give a right where they are, and below", async () => {
    const one = assignmentAt(group);
    const created = await call("owner", "PUT", one, wish("Reader", principal("platform-engineer")));
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      id: one,
      type: "Microsoft.Authorization/roleAssignments",
      properties: {
        scope: group,
        principalId: principal("platform-engineer"),
        principalType: "ServicePrincipal",
        createdBy: principal("owner"),
      },
    });
    expect((await call("owner", "PUT", one, wish("Reader", principal("platform-engineer")))).status).toBe(200);
    expect((await call("platform-engineer", "GET", account)).status).toBe(404);
    expect((await call("owner", "GET", one)).body).toEqual(created.body);
    expect((await call("owner", "DELETE", one)).status).toBe(200);
    expect((await call("owner", "DELETE", one)).status).toBe(204);
    expect((await call("platform-engineer", "GET", account)).status).toBe(403);
  });

  it("are given by those who may, and by nobody else", async () => {
    const scope = `${group}`;
    for (const name of ["contributor", "reader", "network-contributor", "nrp"]) {
      const answer = await call(name, "PUT", assignmentAt(scope), wish("Owner", principal(name)));
      expect(answer).toMatchObject({ status: 403, body: { error: { code: "AuthorizationFailed" } } });
      expect(answer.body.error.message).toContain("Microsoft.Authorization/roleAssignments/write");
    }
    const own = assignmentAt(account);
    await call("owner", "PUT", own, wish("User Access Administrator", principal("platform-engineer")));
    const elsewhere = assignmentAt(`${services}/other`);
    expect((await call("platform-engineer", "PUT", elsewhere, wish("Reader", principal("reader")))).status).toBe(403);
    await call("owner", "DELETE", own);
  });

  it.each([
    ["a name that is no GUID", "x", () => wish("Reader", principal("reader")), 400, "InvalidRoleId"],
    ["an unknown principal", randomUUID(), () => wish("Reader", randomUUID()), 400, "PrincipalNotFound"],
    [
      "an unknown role",
      randomUUID(),
      () => ({ properties: { roleDefinitionId: `/x/${randomUUID()}`, principalId: principal("reader") } }),
      404,
      "RoleDefinitionDoesNotExist",
    ],
    ["nothing in it", randomUUID(), () => ({}), 400, "InvalidRequestContent"],
    ["one that is there", randomUUID(), () => wish("Reader", principal("reader")), 409, "RoleAssignmentExists"],
  ])("refuse %s", async (_what, name, body, status, code) => {
    const answer = await call("owner", "PUT", assignmentAt(subscription, name), body());
    expect(answer).toMatchObject({ status, body: { error: { code } } });
  });

  it("keep principal, role and scope for life", async () => {
    const name = randomUUID();
    await call("owner", "PUT", assignmentAt(account, name), wish("Reader", principal("reader")));
    const other = await call("owner", "PUT", assignmentAt(account, name), wish("Reader", principal("contributor")));
    expect(other).toMatchObject({ status: 409, body: { error: { code: "RoleAssignmentUpdateNotPermitted" } } });
    const moved = await call("owner", "PUT", assignmentAt(group, name), wish("Reader", principal("reader")));
    expect(moved).toMatchObject({ status: 409, body: { error: { code: "RoleAssignmentUpdateNotPermitted" } } });
    await call("owner", "DELETE", assignmentAt(account, name));
  });

  it("are listed at, above and below a scope, and cut down by filters", async () => {
    const list = async (scope: string, filter?: string): Promise<{ scope: string; principalId: string }[]> => {
      const query = filter === undefined ? "" : `&$filter=${encodeURIComponent(filter)}`;
      const { body } = await call(
        "reader",
        "GET",
        `${scope}/providers/Microsoft.Authorization/roleAssignments?${v}${query}`,
      );
      return body.value.map((one: { properties: unknown }) => one.properties);
    };
    const dana = azure.person("data-admin").objectId;
    const all = await list(subscription);
    expect(all.map(one => one.scope)).toEqual(expect.arrayContaining(["/", subscription, account]));
    expect((await list(subscription, "atScope()")).some(one => one.scope === account)).toBe(false);
    expect(await list(group, `principalId eq '${dana}'`)).toHaveLength(2);
    expect(await list(account, `assignedTo('${dana}')`)).toMatchObject([{ scope: account, principalId: dana }]);
    expect(await list(group, `atScope() and assignedTo('${dana}')`)).toEqual([]);
    const odd = await call(
      "reader",
      "GET",
      `${group}/providers/Microsoft.Authorization/roleAssignments?${v}&$filter=x`,
    );
    expect(odd).toMatchObject({ status: 400, body: { error: { code: "UnsupportedQuery" } } });
  });
});

describe("role definitions", () => {
  const base = `${subscription}/providers/Microsoft.Authorization/roleDefinitions`;

  it("are listed, and found by name", async () => {
    const { body } = await call("reader", "GET", `${base}?${v}&$filter=${encodeURIComponent("roleName eq 'Reader'")}`);
    expect(body.value).toMatchObject([
      {
        name: "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        properties: { roleName: "Reader", type: "BuiltInRole", permissions: [{ actions: ["*/read"] }] },
      },
    ]);
    expect((await call("reader", "GET", base)).body.value).toHaveLength(Object.keys(knownRoles).length);
  });

  it("can be made, used and removed; the known ones stay", async () => {
    const name = randomUUID();
    const actions = ["Microsoft.HealthcareApis/services/read"];
    const properties = {
      roleName: "Looker",
      permissions: [{ actions, notActions: [] }],
      assignableScopes: [subscription],
    };
    expect((await call("owner", "PUT", `${base}/${name}`, { properties })).status).toBe(201);
    const one = assignmentAt(account);
    const roleDefinitionId = `${base}/${name}`;
    const given = { properties: { roleDefinitionId, principalId: principal("platform-engineer") } };
    expect((await call("owner", "PUT", one, given)).status).toBe(201);
    expect((await call("platform-engineer", "GET", account)).status).toBe(404);
    expect(await call("owner", "DELETE", `${base}/${name}`)).toMatchObject({ status: 400 });
    await call("owner", "DELETE", one);
    expect((await call("owner", "DELETE", `${base}/${name}`)).status).toBe(200);
    expect((await call("owner", "DELETE", `${base}/${knownRoles.Reader.name}`)).status).toBe(403);
    expect((await call("owner", "PUT", `${base}/${knownRoles.Reader.name}`, { properties })).status).toBe(403);
    expect((await call("contributor", "PUT", `${base}/${name}`, { properties })).status).toBe(403);
  });
});

describe("lists", () => {
  it("show what the caller may read, page for page", async () => {
    const shown = ["contoso", "northwind"].map(name => ({ id: `${services}/${name}`, name }));
    azure.answer(() => ({ status: 200, body: { value: shown, nextLink: "https://next" } }));
    const one = assignmentAt(account);
    await call("owner", "PUT", one, wish("Private Link Data Admin", principal("platform-engineer")));
    for (const list of [services, `${subscription}/providers/Microsoft.HealthcareApis/services`]) {
      const path = `${list}?api-version=2024-03-31`;
      expect((await azure.call("reader", "GET", path)).body.value).toHaveLength(2);
      expect((await azure.call("platform-engineer", "GET", path)).body).toEqual({
        value: [shown[0]],
        nextLink: "https://next",
      });
    }
    const groups = await call("platform-engineer", "GET", `${subscription}/resourcegroups`);
    expect(groups.body.value).toMatchObject([{ name: "linkgate" }]);
    expect((await call("platform-engineer", "GET", endpoints)).status).toBe(403);
    await call("owner", "DELETE", one);
    expect((await azure.call("platform-engineer", "GET", `${services}?api-version=2024-03-31`)).status).toBe(403);
  });
});
