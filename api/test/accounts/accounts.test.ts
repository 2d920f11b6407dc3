import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  createAccount,
  expectStatus,
  proxyBody,
  proxyPath,
  SUBSCRIPTION,
} from "../support/documents.ts";

const GUID_ETAG = /^"[0-9a-f-]{36}"$/;

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe("PUT of an account", () => {
  it("is 201, then 200 that changes nothing", async () => {
    const body = {
      ...ACCOUNT_BODY,
      tags: { team: "a" },
      properties: { corsConfiguration: { origins: ["*"], maxAge: 1440 }, publicNetworkAccess: "Disabled" },
    };
    const first = await api.customer.put(accountPath("fhir1"), body);
    expect(first.status).toBe(201);
    expect(first.body).toEqual({
      id: accountPath("fhir1"),
      name: "fhir1",
      type: "Microsoft.HealthcareApis/services",
      kind: "fhir-R4",
      location: "West US 2",
      etag: expect.stringMatching(GUID_ETAG),
      tags: { team: "a" },
      properties: {
        corsConfiguration: { origins: ["*"], maxAge: 1440 },
        provisioningState: "Succeeded",
        publicNetworkAccess: "Disabled",
        privateEndpointConnections: [],
      },
    });
    expect(first.headers.etag).toBe(first.body.etag);
    const second = await api.customer.put(accountPath("fhir1"), body);
    expect(second).toMatchObject({ status: 200, body: first.body });
    expect((await api.customer.get(accountPath("fhir1"))).body).toEqual(first.body);
  });

  it("needs no more than kind and location", async () => {
    const { status, body } = await api.customer.put(accountPath("small"), ACCOUNT_BODY);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      tags: {},
      properties: { publicNetworkAccess: "Enabled", provisioningState: "Succeeded" },
    });
  });

  it("takes its own document back, as az sends it, and ignores what the registry owns", async () => {
    await createAccount(api.nrp, "roundtrip");
    expectStatus(await api.nrp.put(proxyPath("roundtrip", "pe"), proxyBody("pe", "manual")), 201);
    const before = (await api.customer.get(accountPath("roundtrip"))).body;
    const forged = structuredClone(before);
    forged.properties.privateEndpointConnections[0].properties.privateLinkServiceConnectionState.status = "Approved";
    expectStatus(await api.customer.put(accountPath("roundtrip"), forged), 200);
    expect((await api.customer.get(accountPath("roundtrip"))).body).toEqual(before);
  });

  it("does not open an account to the public network by keeping silent", async () => {
    const closed = { ...ACCOUNT_BODY, properties: { publicNetworkAccess: "Disabled" } };
    await api.customer.put(accountPath("closed"), closed);
    const { body } = await api.customer.put(accountPath("closed"), ACCOUNT_BODY);
    expect(body.properties.publicNetworkAccess).toBe("Disabled");
  });

  it("changes neither kind nor location, but their spelling is free", async () => {
    await createAccount(api.nrp, "fixed");
    expect((await api.nrp.put(accountPath("fixed"), { ...ACCOUNT_BODY, location: "westus2" })).status).toBe(200);
    for (const change of [{ kind: "fhir" }, { location: "eastus" }]) {
      const answer = await api.nrp.put(accountPath("fixed"), { ...ACCOUNT_BODY, ...change });
      expect(answer.body.error).toMatchObject({ code: "PropertyChangeNotAllowed", target: Object.keys(change)[0] });
    }
  });

  it("creates one account when many ask at the same time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => api.nrp.put(accountPath("contested", `sub-${index}`), ACCOUNT_BODY)),
    );
    expect(answers.filter(answer => answer.status === 201)).toHaveLength(1);
    for (const answer of answers.filter(other => other.status !== 201)) {
      expect(answer).toMatchObject({ status: 409, body: { error: { code: "NameNotAvailable" } } });
    }
    const same = await Promise.all(Array.from({ length: 8 }, () => api.nrp.put(accountPath("wanted"), ACCOUNT_BODY)));
    expect(same.map(answer => answer.status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
  });
});

describe("the name of an account", () => {
  it.each(["abc", "a-1", "0fhir9", "a".repeat(23), "ab-cd", "A1B", "a--b"])("%s is accepted", async name => {
    // `a--b` has its hyphens at places 2 and 3.
    expect((await api.nrp.put(accountPath(name), ACCOUNT_BODY)).status).toBe(201);
  });

  it.each([
    "ab",
    "a".repeat(24),
    "-ab",
    "ab-",
    "a_b",
    "a.b",
    "xn--ab",
    "ab--c",
    "äbc",
    "PrivateLink",
    "www",
    "api",
    "portal",
  ])("%s is refused", async name => {
    const answer = await api.nrp.put(accountPath(encodeURIComponent(name)), ACCOUNT_BODY);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "InvalidResourceName" } } });
  });

  it("is taken over all subscriptions and groups, whatever its casing", async () => {
    await createAccount(api.nrp, "taken");
    for (const path of [accountPath("TAKEN", "other"), accountPath("taken", SUBSCRIPTION, "other-group")]) {
      expect((await api.nrp.put(path, ACCOUNT_BODY)).body.error.code).toBe("NameNotAvailable");
      expect((await api.nrp.get(path)).status).toBe(404);
      expect((await api.nrp.patch(path, {})).status).toBe(404);
      expect((await api.nrp.delete(path)).status).toBe(204);
      expect((await api.nrp.get(`${path}/privateEndpointConnections`)).status).toBe(404);
      expect((await api.nrp.put(`${path}/privateEndpointConnectionProxies/pe`, proxyBody("pe", "manual"))).status).toBe(
        404,
      );
    }
    expect((await api.nrp.get(accountPath("taken"))).body.properties.provisioningState).toBe("Succeeded");
  });
});

describe("PATCH of an account", () => {
  it("replaces the tags, or changes public network access, and nothing else", async () => {
    const path = accountPath("patched");
    const body = { ...ACCOUNT_BODY, tags: { a: "1", b: "2" }, properties: { acrConfiguration: { loginServers: [] } } };
    await api.nrp.put(path, body);
    const tagged = await api.customer.patch(path, { tags: { c: "3" } });
    expect(tagged).toMatchObject({ status: 200, body: { tags: { c: "3" } } });
    expect(tagged.body.tags).toEqual({ c: "3" });
    const closed = await api.customer.patch(path, { properties: { publicNetworkAccess: "Disabled" } });
    expect(closed.body).toMatchObject({
      tags: { c: "3" },
      properties: { publicNetworkAccess: "Disabled", acrConfiguration: { loginServers: [] } },
    });
    expect((await api.customer.patch(path, { properties: { publicNetworkAccess: "disabled" } })).status).toBe(400);
    expect((await api.customer.patch(path, {})).body).toEqual(closed.body);
  });

  it("tells the gates", async () => {
    const gate = api.gate();
    await createAccount(api.nrp, "told");
    await gate.sweep();
    expect(gate.table.get("told")).toEqual({ publicAccess: "enabled", linkIds: [] });
    await api.customer.patch(accountPath("told"), { properties: { publicNetworkAccess: "Disabled" } });
    await gate.sweep();
    expect(gate.table.get("told")).toEqual({ publicAccess: "disabled", linkIds: [] });
    await gate.sayGoodbye();
  });

  it("ignores a provisioningState that is ours and refuses another", async () => {
    await createAccount(api.nrp, "states");
    const patch = (provisioningState: string) =>
      api.customer.patch(accountPath("states"), { properties: { provisioningState } });
    expect((await patch("Succeeded")).status).toBe(200);
    expect((await patch("Failed")).status).toBe(400);
  });
});

describe("preconditions", () => {
  it("follow ARM's table", async () => {
    const path = accountPath("etags");
    const put = (headers: Record<string, string>) => api.nrp.put(path, ACCOUNT_BODY, { headers });
    expect((await put({ "if-match": "*" })).status).toBe(412);
    expect((await put({ "if-match": '"x"' })).status).toBe(412);
    const created = expectStatus(await put({ "if-none-match": "*" }), 201);
    const etag = created.headers.etag ?? "";
    expect((await put({ "if-none-match": "*" })).status).toBe(412);
    expect((await put({ "if-match": "*" })).status).toBe(200);
    expect((await put({ "if-match": '"x"' })).status).toBe(412);
    expect((await put({ "if-match": etag })).status).toBe(200);

    const patch = (value: string) => api.nrp.patch(path, { tags: { n: value } }, { headers: { "if-match": value } });
    expect((await patch('"x"')).status).toBe(412);
    const patched = expectStatus(await patch(etag), 200);
    expect(patched.headers.etag).not.toBe(etag);
    expect((await patch(etag)).status).toBe(412);
    expect((await patch("*")).status).toBe(200);
    expect((await api.nrp.patch(accountPath("absent"), {}, { headers: { "if-match": "*" } })).status).toBe(404);

    const remove = (value: string) => api.nrp.delete(path, { headers: { "if-match": value } });
    expect((await remove(etag)).status).toBe(412);
    expect((await remove("*")).status).toBe(202);
    expect((await api.nrp.delete(accountPath("absent"), { headers: { "if-match": '"x"' } })).status).toBe(204);
  });
});

describe("private link information", () => {
  it("is part of the account", async () => {
    await createAccount(api.nrp, "linked");
    await api.nrp.put(proxyPath("linked", "pe1"), proxyBody("pe1", "manual"));
    const { body } = await api.customer.get(accountPath("linked"));
    expect(body.properties.privateEndpointConnections).toEqual([
      {
        id: `${accountPath("linked")}/privateEndpointConnections/pe1`,
        name: "pe1",
        type: "Microsoft.HealthcareApis/services/privateEndpointConnections",
        properties: {
          provisioningState: "Succeeded",
          privateEndpoint: { id: expect.stringMatching(/\/privateEndpoints\/pe1$/) },
          privateLinkServiceConnectionState: {
            status: "Pending",
            description: "Please approve.",
            actionsRequired: "None",
          },
        },
      },
    ]);
  });

  it("names the group id and the private zone", async () => {
    await createAccount(api.nrp, "groups");
    const resource = {
      id: `${accountPath("groups")}/privateLinkResources/fhir`,
      name: "fhir",
      type: "Microsoft.HealthcareApis/services/privateLinkResources",
      properties: {
        groupId: "fhir",
        requiredMembers: ["fhir"],
        requiredZoneNames: ["privatelink.azurehealthcareapis.com"],
      },
    };
    const path = `${accountPath("groups")}/privateLinkResources`;
    expect((await api.customer.get(path)).body).toEqual({ value: [resource] });
    expect((await api.customer.get(`${path}/fhir`)).body).toEqual(resource);
    expect((await api.customer.get(`${path}/dicom`)).status).toBe(404);
    expect((await api.customer.get(`${accountPath("nobody")}/privateLinkResources/fhir`)).status).toBe(404);
  });
});
