import { expect, test } from "vitest";
import { readSettings } from "../src/settings.ts";

const env = { LINKGATE_PORTAL_AUTHORITY: "https://login.example/tenant/", LINKGATE_PORTAL_CLIENT_ID: "id" };

test("what has to be told is read, the rest has a default", () => {
  expect(readSettings(env)).toEqual({
    authority: "https://login.example/tenant",
    clientId: "id",
    scope: "api://linkgate-admin/user_impersonation",
    azurePortal: "https://portal.azure.com",
  });
});

test.each([
  [{ ...env, LINKGATE_PORTAL_CLIENT_ID: "" }, "LINKGATE_PORTAL_CLIENT_ID is not set"],
  [{ ...env, LINKGATE_PORTAL_AUTHORITY: "http://login.example" }, "LINKGATE_PORTAL_AUTHORITY is no https URL"],
  [{ ...env, LINKGATE_PORTAL_AZURE_PORTAL: "javascript:alert(1)" }, "LINKGATE_PORTAL_AZURE_PORTAL is no https URL"],
])("a setting that is missing or wrong is named: %#", (wrong, message) => {
  expect(() => readSettings(wrong)).toThrow(message);
});
