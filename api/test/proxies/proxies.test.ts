import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import {
  accountPath,
  connectionPath,
  createAccount,
  decisionBody,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";

const MAX = 5;
const PE = "My_pe.1-x.5dc668b3-70e4-437f-b61c-a3c1e594be7a";

let api: TestApi;
let account: string;
let count = 0;

beforeAll(async () => {
  api = await startTestApi({
    settings: {
      maxConnections: MAX,
      zones: [
        { public: "azurehealthcareapis.com", private: "privatelink.azurehealthcareapis.com" },
        { public: "mshapis.com", private: "privatelink.mshapis.com" },
      ],
    },
  });
});
afterAll(() => api.stop());

beforeEach(async () => {
  count += 1;
  account = `proxies${count}`;
  await createAccount(api.nrp, account);
});

// biome-ignore lint/suspicious/noExplicitAny: tests bend NRP's document into every wrong shape
type Bend = (body: any) => void;

function bend(change: Bend, kind: "manual" | "auto" = "manual"): object {
  const body = proxyBody(PE, kind, [nextLinkId()]);
  change(body);
  return body;
}

describe("PUT of a proxy", () => {
  it("asked for manually is Pending, without hosts", async () => {
    const link = nextLinkId();
    const { status, body, headers } = await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "manual", [link]));
    expect(status).toBe(201);
    expect(body).toMatchObject({
      id: proxyPath(account, PE),
      name: PE,
      type: "Microsoft.HealthcareApis/services/privateEndpointConnectionProxies",
      status: "Pending",
      properties: { provisioningState: "Succeeded" },
      remotePrivateEndpoint: {
        location: "westus2",
        manualPrivateLinkServiceConnections: [{ groupIds: ["fhir"], requestMessage: "Please approve." }],
        connectionDetails: [{ linkIdentifier: String(link) }],
        privateLinkServiceProxies: [
          {
            id: expect.stringContaining("/privateLinkServiceProxies/"),
            remotePrivateLinkServiceConnectionState: {
              status: "Pending",
              description: "Please approve.",
              actionsRequired: "None",
            },
            remotePrivateEndpointConnection: { id: connectionPath(account, PE) },
            groupConnectivityInformation: [],
          },
        ],
      },
    });
    expect(body.eTag).toBe(headers.etag);
    expect(headers["azure-asyncoperation"]).toBeUndefined();
    expect((await api.nrp.get(proxyPath(account, PE))).body).toEqual(body);
    expect((await api.nrp.get(`${accountPath(account)}/privateEndpointConnectionProxies`)).body).toEqual({
      value: [body],
    });
  });

  it("asked for automatically is Approved at once and carries the FQDNs", async () => {
    const gate = api.gate();
    const link = nextLinkId();
    const { status, body } = await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "auto", [link]));
    expect(status).toBe(201);
    expect(body.status).toBe("Approved");
    expect(body.remotePrivateEndpoint.privateLinkServiceProxies[0].groupConnectivityInformation).toEqual([
      {
        groupId: "fhir",
        memberName: "fhir",
        customerVisibleFqdns: [`${account}.azurehealthcareapis.com`, `${account}.mshapis.com`],
        internalFqdn: `${account}.privatelink.azurehealthcareapis.com`,
      },
    ]);
    await gate.sweep();
    expect(gate.table.get(account)?.linkIds).toEqual([link]);
    await gate.sayGoodbye();
  });

  it("approved by hand carries the FQDNs too, and stays approved when NRP repeats itself", async () => {
    const body = proxyBody(PE, "manual", [nextLinkId()]);
    expectStatus(await api.nrp.put(proxyPath(account, PE), body), 201);
    expectStatus(await api.nrp.put(connectionPath(account, PE), decisionBody("Approved", "ok, ann")), 200);
    const again = expectStatus(await api.nrp.put(proxyPath(account, PE), body), 200);
    const [proxy] = again.body.remotePrivateEndpoint.privateLinkServiceProxies;
    expect(proxy.remotePrivateLinkServiceConnectionState).toMatchObject({ status: "Approved", description: "ok, ann" });
    expect(proxy.groupConnectivityInformation).toHaveLength(1);
  });

  it("is accepted under properties and answered at the top", async () => {
    const { remotePrivateEndpoint } = proxyBody(PE, "auto", [nextLinkId()]) as { remotePrivateEndpoint: object };
    const { status, body } = await api.nrp.put(proxyPath(account, PE), { properties: { remotePrivateEndpoint } });
    expect(status).toBe(201);
    expect(body.remotePrivateEndpoint.id).toContain("/privateEndpoints/");
    expect(body.properties).toEqual({ provisioningState: "Succeeded" });
  });

  it("without NRP's own list of proxies still says what NRP has to know", async () => {
    const body = bend(({ remotePrivateEndpoint }) => {
      delete remotePrivateEndpoint.privateLinkServiceProxies;
    }, "auto");
    const answer = await api.nrp.put(proxyPath(account, PE), body);
    expect(answer.body.remotePrivateEndpoint.privateLinkServiceProxies[0].groupConnectivityInformation).toHaveLength(1);
  });

  it("takes its link id later", async () => {
    expectStatus(await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "manual")), 201);
    const early = await api.nrp.put(connectionPath(account, PE), decisionBody("Approved"));
    expect(early).toMatchObject({ status: 409, body: { error: { code: "LinkIdMissing" } } });
    expectStatus(await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "manual", [nextLinkId()])), 200);
    expectStatus(await api.nrp.put(connectionPath(account, PE), decisionBody("Approved")), 200);
    // And an approved one can't lose it.
    const lost = await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "manual"));
    expect(lost).toMatchObject({ status: 400, body: { error: { code: "InvalidRequestContent" } } });
  });

  it("is the same endpoint after a move, and never another one", async () => {
    const body = proxyBody(PE, "auto", [nextLinkId()]);
    expectStatus(await api.nrp.put(proxyPath(account, PE), body), 201);
    const moved = structuredClone(body) as { remotePrivateEndpoint: { id: string; immutableResourceId: string } };
    moved.remotePrivateEndpoint.id = moved.remotePrivateEndpoint.id.replace("/net/", "/elsewhere/");
    expectStatus(await api.nrp.put(proxyPath(account, PE), moved), 200);
    const { body: connection } = await api.customer.get(connectionPath(account, PE));
    expect(connection.properties.privateEndpoint.id).toContain("/elsewhere/");
    moved.remotePrivateEndpoint.immutableResourceId += "-other";
    const other = await api.nrp.put(proxyPath(account, PE), moved);
    expect(other).toMatchObject({ status: 409, body: { error: { code: "Conflict" } } });
  });

  it.each<[string, Bend, string]>([
    ["no endpoint", body => delete body.remotePrivateEndpoint, "remotePrivateEndpoint"],
    ["no id", body => delete body.remotePrivateEndpoint.id, "id"],
    ["neither list", body => delete body.remotePrivateEndpoint.manualPrivateLinkServiceConnections, "Exactly one"],
    [
      "both lists",
      body => {
        body.remotePrivateEndpoint.privateLinkServiceConnections =
          body.remotePrivateEndpoint.manualPrivateLinkServiceConnections;
      },
      "Exactly one",
    ],
    [
      "an unknown group",
      body => {
        body.remotePrivateEndpoint.manualPrivateLinkServiceConnections[0].groupIds = ["dicom"];
      },
      "groupIds",
    ],
    [
      "no group",
      body => {
        body.remotePrivateEndpoint.manualPrivateLinkServiceConnections[0].groupIds = [];
      },
      "groupIds",
    ],
    [
      "two groups",
      body => {
        body.remotePrivateEndpoint.manualPrivateLinkServiceConnections[0].groupIds = ["fhir", "dicom"];
      },
      "groupIds",
    ],
    [
      "a foreign provisioningState",
      body => {
        body.properties = { provisioningState: "Failed" };
      },
      "can't be set",
    ],
    ...["0", "00012", "-1", "+5", "1.0", "1e3", "0x10", "4294967296", "99999999999", "", " 7", "７", "abc"].map(
      (text): [string, Bend, string] => [
        `the link id '${text}'`,
        body => {
          body.remotePrivateEndpoint.connectionDetails[0].linkIdentifier = text;
        },
        "linkIdentifier",
      ],
    ),
    [
      "a link id that is a number",
      body => {
        body.remotePrivateEndpoint.connectionDetails[0].linkIdentifier = 7;
      },
      "linkIdentifier",
    ],
  ])("with %s is 400, and validate says the same", async (_what, change, message) => {
    const body = bend(change);
    for (const answer of [
      await api.nrp.put(proxyPath(account, PE), body),
      await api.nrp.post(`${proxyPath(account, PE)}/validate`, body),
    ]) {
      if (message === "can't be set" && answer.text === "") continue;
      expect(answer, answer.text).toMatchObject({ status: 400, body: { error: { code: "InvalidRequestContent" } } });
      expect(answer.body.error.message).toContain(message);
    }
    expect((await api.nrp.get(proxyPath(account, PE))).status).toBe(404);
  });

  it("of an automatic endpoint without a link id is 400", async () => {
    const answer = await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "auto"));
    expect(answer).toMatchObject({ status: 400, body: { error: { target: "connectionDetails" } } });
  });

  it("takes the largest link id and the same one twice", async () => {
    const body = proxyBody(PE, "auto", [4294967295, 4294967295]);
    expectStatus(await api.nrp.put(proxyPath(account, PE), body), 201);
  });

  it("compares the group id without regard to case", async () => {
    const body = bend(({ remotePrivateEndpoint }) => {
      remotePrivateEndpoint.manualPrivateLinkServiceConnections[0].groupIds = ["FHIR"];
    });
    expectStatus(await api.nrp.put(proxyPath(account, PE), body), 201);
  });

  it.each(["a b", "pe:1", "ünï", "x".repeat(129)])("named '%s' is refused", async name => {
    const answer = await api.nrp.put(proxyPath(account, encodeURIComponent(name)), proxyBody("pe", "manual"));
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "InvalidResourceName" } } });
  });
});

describe("validate", () => {
  it("is 200 with an empty body and stores nothing", async () => {
    const answer = await api.nrp.post(`${proxyPath(account, PE)}/validate`, proxyBody(PE, "auto"));
    expect(answer).toMatchObject({ status: 200, text: "" });
    expect((await api.nrp.get(proxyPath(account, PE))).status).toBe(404);
  });

  it("is 404 for an unknown account", async () => {
    const answer = await api.nrp.post(`${proxyPath("nobody", PE)}/validate`, proxyBody(PE, "manual"));
    expect(answer.status).toBe(404);
  });
});

describe("the maximum of connections", () => {
  it("can't be passed by concurrent PUTs at two replicas", async () => {
    const replica = await startTestApi({ databaseUrl: api.databaseUrl, settings: { maxConnections: MAX } });
    const names = Array.from({ length: MAX * 3 }, (_, index) => `pe${index}`);
    const answers = await Promise.all(
      names.map((name, index) => {
        const { nrp } = index % 2 === 0 ? api : replica;
        return nrp.put(proxyPath(account, name), proxyBody(name, "auto", [nextLinkId()]));
      }),
    );
    await replica.stop();
    expect(answers.filter(answer => answer.status === 201)).toHaveLength(MAX);
    for (const answer of answers.filter(other => other.status !== 201)) {
      expect(answer).toMatchObject({ status: 409, body: { error: { code: "QuotaExceeded" } } });
      expect(answer.body.error.message).toContain(`maximum of ${MAX}`);
    }
    const { body } = await api.customer.get(`${accountPath(account)}/privateEndpointConnections`);
    expect(body.value).toHaveLength(MAX);
  });

  it("counts Pending, Approved and Rejected, not Disconnected, and nobody twice", async () => {
    const gate = api.gate();
    await gate.sweep();
    const put = (name: string, kind: "manual" | "auto", links: number[]) =>
      api.nrp.put(proxyPath(account, name), proxyBody(name, kind, links));
    const validate = async (name: string) =>
      (await api.nrp.post(`${proxyPath(account, name)}/validate`, proxyBody(name, "manual"))).status;
    const link = nextLinkId();
    for (const name of ["p1", "p2", "p3"]) expectStatus(await put(name, "manual", []), 201);
    expectStatus(await put("approved", "auto", [link]), 201);
    expectStatus(await put("rejected", "manual", []), 201);
    expectStatus(await api.nrp.put(connectionPath(account, "rejected"), decisionBody("Rejected")), 200);

    expect((await put("sixth", "manual", [])).body.error.code).toBe("QuotaExceeded");
    expect(await validate("sixth")).toBe(409);
    expectStatus(await put("approved", "auto", [link]), 200);
    expectStatus(await put("rejected", "manual", []), 200);
    expect(await validate("p1")).toBe(200);

    expectStatus(await api.nrp.delete(connectionPath(account, "p1")), 202);
    expect((await api.nrp.get(connectionPath(account, "p1"))).status).toBe(200);
    expect(await validate("sixth")).toBe(200);
    expectStatus(await put("sixth", "manual", []), 201);
    await gate.sayGoodbye();
  });
});

describe("a lost answer", () => {
  it("leaves the same PUT, again, with the same document", async () => {
    const body = proxyBody(PE, "auto", [nextLinkId()]);
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.nrp.put(proxyPath(account, PE), body)));
    expect(answers.map(answer => answer.status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
    for (const answer of answers) expect(answer.body).toEqual(answers[0]?.body);
  });
});

describe("a decision", () => {
  it("takes the whole document back, as az sends it, with a null comment", async () => {
    expectStatus(await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "manual", [nextLinkId()])), 201);
    const { body } = await api.customer.get(connectionPath(account, PE));
    body.properties.privateLinkServiceConnectionState.status = "Approved";
    body.properties.privateLinkServiceConnectionState.description = null;
    const answer = await api.nrp.put(connectionPath(account, PE), body);
    expect(answer.status).toBe(200);
    expect(answer.body.properties.privateLinkServiceConnectionState).toEqual({
      status: "Approved",
      description: "Please approve.",
      actionsRequired: "None",
    });
  });

  it.each([
    {},
    { properties: {} },
    decisionBody("Removed"),
    decisionBody("approved"),
    { properties: { privateLinkServiceConnectionState: { status: "Approved" }, provisioningState: "Deleting" } },
  ])("%j is 400", async body => {
    expectStatus(await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "manual", [nextLinkId()])), 201);
    expect((await api.nrp.put(connectionPath(account, PE), body)).status).toBe(400);
    expect((await api.nrp.get(proxyPath(account, PE))).body.status).toBe("Pending");
  });
});
