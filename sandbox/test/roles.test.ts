import { describe, expect, it } from "vitest";
import { AccessControl } from "../src/arm/access-control.ts";
import { nameAction, parseResourcePath } from "../src/arm/resource-path.ts";
import { knownRoles, permits, type RoleName } from "../src/arm/role-definitions.ts";

const account = "/subscriptions/S/resourceGroups/g/providers/Microsoft.HealthcareApis/services/a";
const approval = "Microsoft.HealthcareApis/services/privateEndpointConnectionsApproval/action";

function accessWith(...grants: { role: RoleName; scope: string }[]): AccessControl {
  const access = new AccessControl("T");
  access.grant("me", "User", grants);
  return access;
}

describe("roles", () => {
  const rows: [role: RoleName, action: string, allowed: boolean][] = [
    ["Owner", "Microsoft.Authorization/roleAssignments/write", true],
    ["Contributor", approval, true],
    ["Contributor", "Microsoft.Authorization/roleAssignments/write", false],
    ["Contributor", "Microsoft.Authorization/roleAssignments/read", true],
    ["Reader", "Microsoft.HealthcareApis/services/read", true],
    ["Reader", "Microsoft.HealthcareApis/services/write", false],
    ["Reader", "Microsoft.HealthcareApis/services/readable/action", false],
    ["Network Contributor", "microsoft.network/PRIVATEENDPOINTS/write", true],
    ["Network Contributor", approval, false],
    ["Network Contributor", "Microsoft.NetworkX/a/write", false],
    ["Private Link Data Admin", approval, true],
    ["Private Link Data Admin", "Microsoft.HealthcareApis/services/privateEndpointConnections/write", true],
    ["Private Link Data Admin", "Microsoft.HealthcareApis/services/privateEndpointConnectionProxies/write", false],
    ["Private Link Data Admin", "Microsoft.HealthcareApis/services/delete", false],
    [
      "Network Resource Provider",
      "Microsoft.HealthcareApis/services/privateEndpointConnectionProxies/validate/action",
      true,
    ],
    ["Network Resource Provider", "Microsoft.HealthcareApis/services/privateEndpointConnections/write", true],
    ["Network Resource Provider", "Microsoft.HealthcareApis/services/read", false],
    ["Network Resource Provider", "Microsoft.HealthcareApis/services/write", false],
    ["Network Resource Provider", approval, false],
  ];
  it.each(rows)("%s: %s is %s", (role, action, allowed) => {
    expect(accessWith({ role, scope: "/subscriptions/s" }).isAllowed("me", action, account)).toBe(allowed);
  });

  it("are inherited downwards, from management group, subscription and group", () => {
    const allowed = (scope: string): boolean => accessWith({ role: "Owner", scope }).isAllowed("me", approval, account);
    const above = [
      "/",
      "/providers/Microsoft.Management/managementGroups/t",
      "/subscriptions/s",
      "/subscriptions/S/resourcegroups/G",
      account.toUpperCase(),
    ];
    expect(above.map(allowed)).toEqual(above.map(() => true));
    const elsewhere = [
      `${account}b`,
      "/subscriptions/S/resourceGroups/g2",
      "/subscriptions/T",
      "/providers/Microsoft.Management/managementGroups/other",
    ];
    expect(elsewhere.map(allowed)).toEqual(elsewhere.map(() => false));
    expect(accessWith().isAllowed("me", approval, account)).toBe(false);
    expect(accessWith({ role: "Owner", scope: "/" }).isAllowed("you", approval, account)).toBe(false);
  });

  it("take away with notActions from themselves alone", () => {
    const write = "Microsoft.Authorization/roleAssignments/write";
    const scope = "/subscriptions/s";
    const both = accessWith({ role: "Contributor", scope }, { role: "User Access Administrator", scope });
    expect(both.isAllowed("me", write, account)).toBe(true);
    expect(accessWith({ role: "Contributor", scope }).isAllowed("me", write, account)).toBe(false);
  });

  it("reach what lies within, where a list is read", () => {
    const access = accessWith({ role: "Reader", scope: account });
    const read = "Microsoft.HealthcareApis/services/read";
    expect(access.isAllowed("me", read, "/subscriptions/S")).toBe(false);
    expect(access.isAllowedWithin("me", read, "/subscriptions/S")).toBe(true);
    expect(access.isAllowedWithin("me", read, "/subscriptions/T")).toBe(false);
    expect(access.isAllowedWithin("me", approval, "/subscriptions/S")).toBe(false);
    expect([access.reaches("me", "/subscriptions/S"), access.reaches("me", "/subscriptions/T")]).toEqual([true, false]);
  });

  it.each([
    ["*", "A/b/read", true],
    ["*/read", "A/b/read", true],
    ["*/read", "A/b/readable", false],
    ["a/*/delete", "A/b/c/delete", true],
    ["a/*/delete", "a/delete", false],
    ["a/b*ba/c", "a/ba/c", false],
    ["a/*/b/*", "a/x/b/", true],
    ["a.b/c", "axb/c", false],
    ["", "a", false],
  ])("the wildcard %s on %s is %s", (pattern, action, allowed) => {
    const permission = { actions: [pattern], notActions: [], dataActions: [], notDataActions: [] };
    expect(permits(permission, action)).toBe(allowed);
  });

  it("have Azure's own ids", () => {
    expect(knownRoles.Reader.name).toBe("acdd72a7-3385-48ef-bd42-f606fba81ae7");
    expect(new Set(Object.values(knownRoles).map(one => one.name)).size).toBe(Object.keys(knownRoles).length);
  });
});

describe("the permission of a request", () => {
  it.each([
    ["GET", "/subscriptions/S", "Microsoft.Resources/subscriptions/read"],
    ["GET", "/subscriptions/S/resourcegroups", "Microsoft.Resources/subscriptions/resourceGroups/read"],
    ["PUT", "/subscriptions/S/resourcegroups/g", "Microsoft.Resources/subscriptions/resourceGroups/write"],
    ["GET", "/subscriptions/S/providers/Microsoft.Network", "Microsoft.Resources/subscriptions/providers/read"],
    ["PATCH", account, "Microsoft.HealthcareApis/services/write"],
    [
      "DELETE",
      `${account}/privateEndpointConnections/c`,
      "Microsoft.HealthcareApis/services/privateEndpointConnections/delete",
    ],
    [
      "POST",
      `${account}/privateEndpointConnectionProxies/p/validate`,
      "Microsoft.HealthcareApis/services/privateEndpointConnectionProxies/validate/action",
    ],
    [
      "GET",
      `${account}/providers/Microsoft.Authorization/roleAssignments`,
      "Microsoft.Authorization/roleAssignments/read",
    ],
    ["BREW", account, "Microsoft.HealthcareApis/services/action"],
  ])("%s %s", (method, path, action) => {
    expect(nameAction(method, parseResourcePath(path))).toBe(action);
  });
});
