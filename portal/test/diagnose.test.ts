import { expect, test } from "vitest";
import { diagnose, labelOf } from "../src/diagnose/diagnose.ts";

const contoso = {
  account: "contoso",
  publicHosts: ["contoso.azurehealthcareapis.com"],
  privateHosts: ["contoso.privatelink.azurehealthcareapis.com"],
  publicNetworkAccess: "Disabled",
  linkIds: [822088585],
};
const LINK = "fd40:8913:31:6810:6c31:200:a01:104";

test.each([
  [LINK, "contoso.privatelink.azurehealthcareapis.com", "private-link", true, "10.1.1.4:822088585"],
  [LINK, "CONTOSO.azurehealthcareapis.com", "private-link", true, "10.1.1.4:822088585"],
  ["203.0.113.9", "contoso.azurehealthcareapis.com", "public-access-disabled", false, ""],
  ["203.0.113.9", "contoso.privatelink.azurehealthcareapis.com", "not-private-link", false, ""],
  [
    "fd40:8914:31:6810:6c31:200:a01:104",
    "contoso.azurehealthcareapis.com",
    "link-id-mismatch",
    false,
    "10.1.1.4:822088841",
  ],
  ["nonsense", "contoso.azurehealthcareapis.com", "unreadable-source", false, ""],
  [LINK, "contoso.example.com", "unknown-host", false, ""],
])("%s to %s: %s", (address, host, reason, isAllowed, client) => {
  expect(diagnose(address, host, contoso)).toMatchObject({ reason, isAllowed, client });
});

test("an account that nothing is approved for, and one that is open to everybody", () => {
  const none = { ...contoso, linkIds: [] };
  expect(diagnose(LINK, "contoso.azurehealthcareapis.com", none).reason).toBe("private-link-not-enabled");
  const open = { ...contoso, publicNetworkAccess: "Enabled" };
  expect(diagnose("203.0.113.9", "contoso.azurehealthcareapis.com", open).reason).toBe("public");
});

test("the first label names the account", () => {
  expect(labelOf("Contoso.privatelink.azurehealthcareapis.com")).toBe("contoso");
  expect(labelOf("")).toBe("");
});
