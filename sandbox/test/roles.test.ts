import { describe, expect, it } from "vitest";
import { nameAction, parseResourcePath } from "../src/arm/resource-path.ts";
import { isAllowed, type RoleName } from "../src/arm/roles.ts";

const account = "/subscriptions/S/resourceGroups/g/providers/Microsoft.HealthcareApis/services/a";
const approval = "Microsoft.HealthcareApis/services/privateEndpointConnectionsApproval/action";

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
    [
      "Network Resource Provider",
      "Microsoft.HealthcareApis/services/privateEndpointConnectionProxies/validate/action",
      true,
    ],
    ["Network Resource Provider", "Microsoft.HealthcareApis/services/privateEndpointConnections/write", true],
    ["Network Resource Provider", "Microsoft.HealthcareApis/services/write", false],
    ["Network Resource Provider", approval, false],
  ];
  it.each(rows)("%s: %s is %s", (role, action, allowed) => {
    expect(isAllowed([{ role, scope: "/subscriptions/s" }], action, account)).toBe(allowed);
  });

  it("reach as far as their scope", () => {
    const allowed = (scope: string): boolean => isAllowed([{ role: "Owner", scope }], approval, account);
    expect(["/", "/subscriptions/s", account.toUpperCase(), "/subscriptions/S/resourcegroups/G"].map(allowed)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    const elsewhere = [`${account}b`, "/subscriptions/S/resourceGroups/g2", "/subscriptions/T"];
    expect(elsewhere.map(allowed)).toEqual([false, false, false]);
    expect(isAllowed([], approval, account)).toBe(false);
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
