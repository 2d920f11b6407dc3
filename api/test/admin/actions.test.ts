import fc from "fast-check";
import { expect, test } from "vitest";
import { isAllowed, matches, readPermission, readRights } from "../../src/admin/access/actions.ts";

test.each([
  ["*", "Microsoft.HealthcareApis/services/read", true],
  ["*/read", "Microsoft.HealthcareApis/services/read", true],
  ["*/read", "Microsoft.HealthcareApis/services/write", false],
  ["Microsoft.HealthcareApis/*", "microsoft.healthcareapis/SERVICES/delete", true],
  ["Microsoft.HealthcareApis/*/write", "Microsoft.HealthcareApis/services/privateEndpointConnections/write", true],
  ["Microsoft.HealthcareApis/services/*/read", "Microsoft.HealthcareApis/services/read", false],
  ["Microsoft.HealthcareApis/services", "Microsoft.HealthcareApis/services/read", false],
  ["", "Microsoft.HealthcareApis/services/read", false],
])("%j matches %s: %s", (pattern, action, expected) => {
  expect(matches(pattern, action)).toBe(expected);
});

test("a pattern matches what a regular expression says it does, and never takes long", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "/", "*"), maxLength: 12 });
  fc.assert(
    fc.property(part, fc.string({ unit: fc.constantFrom("a", "B", "/"), maxLength: 16 }), (pattern, text) => {
      const wanted = new RegExp(`^${pattern.replaceAll(/\*+/g, ".*")}$`, "i").test(text);
      expect(matches(pattern, text)).toBe(wanted);
    }),
  );
  expect(matches("*a".repeat(2000), "a".repeat(1999))).toBe(false);
});

test("roles add up; a notAction takes away from its own role alone", () => {
  const reader = { actions: ["*/read"], notActions: [] };
  const careful = { actions: ["*"], notActions: ["*/privateEndpointConnections/*"] };
  const write = "Microsoft.HealthcareApis/services/privateEndpointConnections/write";
  expect(isAllowed([careful], write)).toBe(false);
  expect(isAllowed([careful, { actions: [write], notActions: [] }], write)).toBe(true);
  expect(readRights([careful])).toEqual({ read: false, approve: false, remove: false });
  expect(readRights([careful, reader])).toEqual({ read: true, approve: false, remove: false });
  expect(readRights([])).toEqual({ read: false, approve: false, remove: false });
});

test.each([
  null,
  "x",
  {},
  { actions: "*" },
  { actions: [1] },
  { actions: ["*"], notActions: "*" },
  { actions: ["*"], notActions: [{}] },
])("what is no permission, such as %j, allows nothing", value => {
  expect(readRights([readPermission(value)])).toEqual({ read: false, approve: false, remove: false });
});
