import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { composeLinkAddress, composeLinkTlv, LinkPool } from "../src/nrp/links.ts";
import {
  type Answer,
  endpoints,
  group,
  type Received,
  services,
  startTestAzure,
  type TestAzure,
  until,
} from "./support/azure.ts";

const v = "api-version=2025-05-01";
const vnet = `${group}/providers/Microsoft.Network/virtualNetworks`;

describe("link ids", () => {
  it("give the addresses that Azure's own logs show", () => {
    const place = { linkId: 822088585, vnetTag: 0x316c1068, subnet: 2, privateAddress: "10.1.1.4" };
    expect(composeLinkAddress(place)).toBe("fd40:8913:31:6810:6c31:200:a01:104");
    expect(
      composeLinkAddress({ linkId: 302085607, vnetTag: 0x127c8688, subnet: 11, privateAddress: "10.10.0.5" }),
    ).toBe("fd40:e775:112:8886:7c12:b00:a0a:5");
    expect(composeLinkTlv(822088585)).toBe("0189130031");
  });

  it("are reused at once, the last one first", () => {
    const pool = new LinkPool();
    const [a, b, c] = [pool.take(), pool.take(), pool.take()];
    expect(new Set([a, b, c]).size).toBe(3);
    expect(a).toBe(822088585);
    pool.free(a);
    pool.free(b);
    pool.free(b);
    expect([pool.take(), pool.take()]).toEqual([b, a]);
    expect(pool.take()).not.toBe(a);
  });
});

describe("private endpoints", () => {
  let azure: TestAzure;
  /** Proxies at the provider, by lower-case path. */
  let proxies: Map<string, { status: string; body: unknown }>;
  let refuse: ((request: Received) => { status: number; body: unknown } | undefined) | undefined;

  beforeEach(async () => {
    azure = await startTestAzure();
    proxies = new Map();
    refuse = undefined;
    azure.answer(request => {
      const refused = refuse?.(request);
      if (refused) return refused;
      const path = request.target.split("?")[0]?.toLowerCase() ?? "";
      if (path.endsWith("/validate")) return { status: 200 };
      if (!path.includes("/privateendpointconnectionproxies/")) return undefined;
      if (request.method === "PUT") {
        const body = JSON.parse(request.body) as { remotePrivateEndpoint: Record<string, unknown> };
        const manual = "manualPrivateLinkServiceConnections" in body.remotePrivateEndpoint;
        proxies.set(path, { status: manual ? "Pending" : "Approved", body });
      }
      if (request.method === "DELETE") {
        proxies.delete(path);
        return { status: 200 };
      }
      const proxy = proxies.get(path);
      if (!proxy) return undefined;
      const state = { status: proxy.status, description: "said so", actionsRequired: "None" };
      const groupConnectivityInformation =
        proxy.status === "Approved" ? [{ customerVisibleFqdns: ["alpha.azurehealthcareapis.com"] }] : [];
      return {
        status: request.method === "PUT" ? 201 : 200,
        body: {
          remotePrivateEndpoint: {
            privateLinkServiceProxies: [
              { remotePrivateLinkServiceConnectionState: state, groupConnectivityInformation },
            ],
          },
        },
      };
    });
  });
  afterEach(() => azure?.stop());

  function wish(list = "manualPrivateLinkServiceConnections", account = "alpha"): Record<string, unknown> {
    return {
      location: "West US 2",
      properties: {
        subnet: { id: `${vnet}/hospital/subnets/default` },
        [list]: [
          {
            name: "conn",
            properties: {
              privateLinkServiceId: `${services}/${account}`,
              groupIds: ["fhir"],
              requestMessage: "please",
            },
          },
        ],
      },
    };
  }

  async function finish(answer: Answer): Promise<Answer["body"]> {
    const url = new URL(String(answer.headers["azure-asyncoperation"]));
    expect(url.origin).toBe(azure.arm.url);
    expect(url.pathname).toMatch(/\/providers\/Microsoft\.Network\/locations\/westus2\/operations\//);
    return until("operation ends", async () => {
      const { status, body } = await azure.call("contributor", "GET", `${url.pathname}${url.search}`);
      expect(status).toBe(200);
      return body.status === "InProgress" ? undefined : body;
    });
  }

  it("asks first, then tells the provider the link id, and shows the provider's state", async () => {
    const created = await azure.call("network-contributor", "PUT", `${endpoints}/pe1?${v}`, wish());
    expect(created).toMatchObject({ status: 201, body: { properties: { provisioningState: "Updating" } } });
    expect(created.headers["retry-after"]).toBe("1");
    expect(await finish(created)).toEqual({ status: "Succeeded" });
    const [validate, put] = azure.received;
    expect(validate).toMatchObject({ method: "POST" });
    expect(validate?.target).toMatch(
      /\/services\/alpha\/privateEndpointConnectionProxies\/pe1\.[0-9a-f-]{36}\/validate\?api-version=2020-03-30$/,
    );
    expect(JSON.parse(validate?.body ?? "").remotePrivateEndpoint).not.toHaveProperty("connectionDetails");
    expect(put?.target).toBe(validate?.target.replace("/validate", ""));
    expect(JSON.parse(put?.body ?? "").remotePrivateEndpoint).toMatchObject({
      id: `${endpoints}/pe1`,
      immutableResourceId: `${endpoints}/pe1`,
      manualPrivateLinkServiceConnections: [{ name: "conn", groupIds: ["fhir"], requestMessage: "please" }],
      connectionDetails: [{ linkIdentifier: "822088585", groupId: "fhir", memberName: "fhir" }],
    });
    const { body } = await azure.call("network-contributor", "GET", `${endpoints}/pe1?${v}`);
    expect(body.properties.provisioningState).toBe("Succeeded");
    expect(body.properties.manualPrivateLinkServiceConnections[0].properties.privateLinkServiceConnectionState).toEqual(
      {
        status: "Pending",
        description: "said so",
        actionsRequired: "None",
      },
    );
  });

  it("follows later approvals, and a provider that has forgotten", async () => {
    await finish(await azure.call("network-contributor", "PUT", `${endpoints}/pe1?${v}`, wish()));
    const [key = "", proxy] = [...proxies][0] ?? [];
    if (proxy) proxy.status = "Approved";
    const read = async (): Promise<string> => {
      const { body } = await azure.call("reader", "GET", `${endpoints}/pe1?${v}`);
      return body.properties.manualPrivateLinkServiceConnections[0].properties.privateLinkServiceConnectionState.status;
    };
    expect(await read()).toBe("Approved");
    const { body } = await azure.call("reader", "GET", `${endpoints}/pe1?${v}`);
    expect(body.properties.customDnsConfigs).toMatchObject([{ fqdn: "alpha.azurehealthcareapis.com" }]);
    proxies.delete(key);
    expect(await read()).toBe("Disconnected");
  });

  it("approves by itself only for who may approve at the account", async () => {
    const auto = wish("privateLinkServiceConnections");
    const refused = await azure.call("network-contributor", "PUT", `${endpoints}/pe2?${v}`, auto);
    expect(refused).toMatchObject({ status: 403, body: { error: { code: "LinkedAuthorizationFailed" } } });
    expect(refused.body.error.message).toContain(
      "Microsoft.HealthcareApis/services/privateEndpointConnectionsApproval/action",
    );
    expect(azure.received).toEqual([]);
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe2?${v}`, auto));
    const { body } = await azure.call("contributor", "GET", `${endpoints}/pe2?${v}`);
    expect(body.properties.privateLinkServiceConnections[0].properties.privateLinkServiceConnectionState.status).toBe(
      "Approved",
    );
  });

  it("fails with the provider's words inside NRP's", async () => {
    refuse = request =>
      request.target.includes("/validate")
        ? { status: 400, body: { error: { code: "X", message: "No such group." } } }
        : undefined;
    const end = await finish(await azure.call("contributor", "PUT", `${endpoints}/pe3?${v}`, wish()));
    expect(end).toEqual({
      status: "Failed",
      error: {
        code: "PrivateEndpointConnectionProvisioningFailed",
        message: "Call to Microsoft.HealthcareApis/services failed. Error message: No such group.",
      },
    });
    expect(await azure.call("contributor", "GET", `${endpoints}/pe3?${v}`)).toMatchObject({
      body: { properties: { provisioningState: "Failed" } },
    });
    refuse = undefined;
    const again = await azure.call("contributor", "PUT", `${endpoints}/pe3?${v}`, wish());
    expect(again.status).toBe(200);
    expect(await finish(again)).toEqual({ status: "Succeeded" });
  });

  it("waits out a provider that is down", async () => {
    let left = 2;
    refuse = () => (left-- > 0 ? { status: 503, body: { error: { code: "Down", message: "later" } } } : undefined);
    expect(await finish(await azure.call("contributor", "PUT", `${endpoints}/pe4?${v}`, wish()))).toEqual({
      status: "Succeeded",
    });
  });

  it("frees a link id only when the provider's deletion has ended, and gives it away at once", async () => {
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe5?${v}`, wish()));
    let running = true;
    refuse = request => {
      if (request.method === "DELETE") return { status: 202, body: undefined };
      return request.target.includes("/operationresults/") && running ? { status: 202, body: undefined } : undefined;
    };
    const inner = refuse;
    const location = `${azure.arm.url}${services.split("/resourceGroups")[0]}/providers/Microsoft.HealthcareApis/locations/westus2/operationresults/op?api-version=2020-03-30`;
    azure.answer(request => {
      const path = request.target.split("?")[0] ?? "";
      if (request.method === "DELETE") return { status: 202, headers: { location, "retry-after": "0" } };
      if (path.includes("/operationresults/"))
        return running ? { status: 202, headers: { location, "retry-after": "0" } } : { status: 204 };
      return inner(request) ?? { status: 200, body: {} };
    });
    const gone = await azure.call("contributor", "DELETE", `${endpoints}/pe5?${v}`);
    expect(gone.status).toBe(202);
    expect(gone.headers.location).toContain("/operationResults/");
    const link = async (name: string): Promise<string> =>
      (await azure.call("contributor", "GET", `${endpoints}/${name}/sandboxLinks?${v}`)).body.value[0].linkIdentifier;
    await until("a poll", () => azure.received.find(one => one.target.includes("operationresults")));
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe6?${v}`, wish()));
    expect(await link("pe6")).toBe("822088586");
    running = false;
    expect(await finish(gone)).toEqual({ status: "Succeeded" });
    const target = new URL(String(gone.headers.location));
    expect(await azure.call("contributor", "GET", `${target.pathname}${target.search}`)).toMatchObject({ status: 204 });
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe7?${v}`, wish()));
    expect(await link("pe7")).toBe("822088585");
    expect(await azure.call("contributor", "GET", `${endpoints}/pe5?${v}`)).toMatchObject({ status: 404 });
  });

  it("shows a client's link address, the documented way", async () => {
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe8?${v}`, wish()));
    const { body } = await azure.call("contributor", "GET", `${endpoints}/PE8/sandboxLinks?${v}`);
    expect(body.value).toMatchObject([
      {
        linkIdentifier: "822088585",
        privateAddress: "10.1.1.4",
        linkAddress: expect.stringMatching(/^fd40:8913:31:[0-9a-f]{1,4}:[0-9a-f]{0,2}31:100:a01:104$/),
        proxyProtocolTlv: "0189130031",
      },
    ]);
  });

  it("lists by group and by subscription, and knows what is absent", async () => {
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe9?${v}`, wish()));
    const all = `${endpoints.split("/resourceGroups")[0]}/providers/Microsoft.Network/privateEndpoints`;
    for (const target of [endpoints, all]) {
      const { body } = await azure.call("reader", "GET", `${target}?${v}`);
      expect(body.value.map((one: { name: string }) => one.name)).toEqual(["pe9"]);
    }
    expect(await azure.call("contributor", "GET", `${endpoints}/nope?${v}`)).toMatchObject({ status: 404 });
    expect(await azure.call("contributor", "DELETE", `${endpoints}/nope?${v}`)).toMatchObject({ status: 204 });
    expect(await azure.call("reader", "DELETE", `${endpoints}/pe9?${v}`)).toMatchObject({ status: 403 });
  });

  const proxiesOf = (account: string): string =>
    `${services}/${account}/providers/Microsoft.Network/privateLinkServiceProxies?${v}`;

  it("tells the provider what it knows of a proxy, whatever the provider says of it now", async () => {
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe11?${v}`, wish()));
    const [key = "", kept] = [...proxies][0] ?? [];
    const name = key.split("/").at(-1);
    const path = `${endpoints}/pe11/privateLinkServiceProxies/${name}?${v}`;
    const read = async () => (await azure.call("resource-provider", "GET", path)).body;
    expect(await read()).toMatchObject({
      name,
      properties: {
        privateLinkServiceId: `${services}/alpha`,
        remotePrivateLinkServiceConnectionState: { status: "Pending" },
        connectionDetails: [{ linkIdentifier: "822088585" }],
      },
    });
    const listed = await azure.call("resource-provider", "GET", proxiesOf("ALPHA"));
    expect(listed.body.value).toEqual([await read()]);
    expect((await azure.call("resource-provider", "GET", proxiesOf("beta"))).body.value).toEqual([]);

    azure.answer(() => ({
      status: 200,
      body: { properties: { privateLinkServiceConnectionState: { status: "Rejected", description: "no" } } },
    }));
    const connection = `${services}/alpha/privateEndpointConnections/${name}?api-version=2024-03-31`;
    await azure.call("contributor", "PUT", connection, { properties: {} });
    azure.answer(() => ({ status: 200, body: { ...(kept?.body as object), status: "Approved" } }));
    await azure.call("reader", "GET", `${endpoints}/pe11?${v}`);
    expect((await read()).properties.remotePrivateLinkServiceConnectionState.status, "not read back").toBe("Rejected");
  });

  it("lets the provider say what has been decided on its side, and nobody else, and nothing else", async () => {
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe12?${v}`, wish()));
    const name = [...proxies.keys()][0]?.split("/").at(-1);
    const path = `${endpoints}/pe12/privateLinkServiceProxies/${name}?${v}`;
    const say = (status: string) => ({
      properties: { remotePrivateLinkServiceConnectionState: { status, description: "gone" } },
    });
    expect(await azure.call("reader", "PUT", path, say("Disconnected"))).toMatchObject({ status: 403 });
    expect(await azure.call("resource-provider", "PUT", path, say("Pending"))).toMatchObject({ status: 400 });
    expect(await azure.call("resource-provider", "PUT", path, say("Approved"))).toMatchObject({ status: 200 });
    expect(await azure.call("resource-provider", "PUT", path, say("Disconnected"))).toMatchObject({ status: 200 });
    azure.answer(() => ({ status: 503 }));
    const { body } = await azure.call("reader", "GET", `${endpoints}/pe12?${v}`);
    const [shown] = body.properties.manualPrivateLinkServiceConnections;
    expect(shown.properties.privateLinkServiceConnectionState).toMatchObject({
      status: "Disconnected",
      description: "gone",
    });
    const absent = path.replace("pe12/", "pe13/");
    expect(await azure.call("resource-provider", "GET", absent)).toMatchObject({ status: 404 });
    expect(await azure.call("resource-provider", "GET", `${endpoints}/pe12?${v}`)).toMatchObject({ status: 403 });
  });

  it("refuses to turn an endpoint into another one", async () => {
    await finish(await azure.call("contributor", "PUT", `${endpoints}/pe10?${v}`, wish()));
    const other = await azure.call("contributor", "PUT", `${endpoints}/pe10?${v}`, wish(undefined, "beta"));
    expect(other).toMatchObject({ status: 400 });
    const auto = await azure.call(
      "contributor",
      "PUT",
      `${endpoints}/pe10?${v}`,
      wish("privateLinkServiceConnections"),
    );
    expect(auto).toMatchObject({ status: 400 });
  });

  it.each([
    ["no body", undefined],
    ["no connection", { location: "westus2", properties: { subnet: { id: `${vnet}/v/subnets/s` } } }],
    ["no subnet", { location: "westus2", properties: { manualPrivateLinkServiceConnections: [] } }],
    [
      "another provider's resource",
      {
        location: "westus2",
        properties: {
          subnet: { id: `${vnet}/v/subnets/s` },
          manualPrivateLinkServiceConnections: [
            {
              name: "c",
              properties: { privateLinkServiceId: `${group}/providers/Microsoft.Storage/storageAccounts/x` },
            },
          ],
        },
      },
    ],
  ])("refuses a wish with %s", async (_what, body) => {
    expect(await azure.call("contributor", "PUT", `${endpoints}/bad?${v}`, body)).toMatchObject({
      status: 400,
      body: { error: { code: "InvalidRequestContent" } },
    });
    expect(azure.received).toEqual([]);
  });
});
