import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import { ACCOUNT_BODY, decisionBody, proxyBody } from "../support/documents.ts";

const AS_WRITTEN = "/subscriptions/Sub-A/resourceGroups/My-Group/providers/Microsoft.HealthcareApis/services/MyFhir";
const OTHERWISE = "/SUBSCRIPTIONS/sub-a/resourcegroups/my-group/PROVIDERS/microsoft.healthcareapis/Services/myfhir";
const PROXY = "PE1.5DC668b3-70e4-437f-b61c-a3c1e594be7a";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  await api.nrp.put(AS_WRITTEN, ACCOUNT_BODY);
  await api.nrp.put(`${AS_WRITTEN}/privateEndpointConnectionProxies/${PROXY}`, proxyBody(PROXY, "manual", [21]));
});
afterAll(() => api.stop());

describe("names in the URL", () => {
  it("are found in any casing and shown in the writer's", async () => {
    const { status, body } = await api.customer.get(OTHERWISE);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: AS_WRITTEN, name: "MyFhir", type: "Microsoft.HealthcareApis/services" });
    expect(body.properties.privateEndpointConnections[0].id).toBe(`${AS_WRITTEN}/privateEndpointConnections/${PROXY}`);
  });

  it("are found in any casing below an account", async () => {
    const child = PROXY.toLowerCase();
    for (const path of [
      `${OTHERWISE}/PrivateEndpointConnections/${child}`,
      `${OTHERWISE}/privateendpointconnectionproxies/${child}`,
      `${OTHERWISE}/PRIVATEENDPOINTCONNECTIONPROXIES`,
      `${OTHERWISE}/privateLINKresources/FHIR`,
    ]) {
      expect((await api.nrp.get(path)).status, path).toBe(200);
    }
    const { body } = await api.nrp.get(`${OTHERWISE}/PrivateEndpointConnections/${child}`);
    expect(body.name).toBe(PROXY);
  });

  it("name one resource, not two", async () => {
    const again = await api.nrp.put(
      `${OTHERWISE}/privateEndpointConnectionProxies/${PROXY.toLowerCase()}`,
      proxyBody(PROXY, "manual", [21]),
    );
    expect(again.status).toBe(200);
    const list = await api.nrp.get(`${OTHERWISE}/privateEndpointConnectionProxies`);
    expect(list.body.value).toHaveLength(1);
  });

  it("are found in lists of group and subscription in any casing", async () => {
    const group = OTHERWISE.slice(0, OTHERWISE.lastIndexOf("/"));
    expect((await api.customer.get(group)).body.value.map((account: { id: string }) => account.id)).toEqual([
      AS_WRITTEN,
    ]);
    const all = "/subscriptions/SUB-A/providers/MICROSOFT.healthcareapis/services";
    expect((await api.customer.get(all)).body.value).toHaveLength(1);
  });

  it("keep the casing of the most recent PUT", async () => {
    const path = "/subscriptions/sub-b/resourceGroups/g/providers/Microsoft.HealthcareApis/services/recased";
    await api.nrp.put(path, ACCOUNT_BODY);
    const again = await api.nrp.put(path.replace("recased", "ReCased"), ACCOUNT_BODY);
    expect(again).toMatchObject({ status: 200, body: { name: "ReCased" } });
    expect((await api.nrp.get(path)).body.id).toBe(path.replace("recased", "ReCased"));
  });

  it("make the host of the FQDNs lower-case", async () => {
    await api.nrp.put(`${AS_WRITTEN}/privateEndpointConnections/${PROXY}`, decisionBody("Approved"));
    const { body } = await api.nrp.get(`${AS_WRITTEN}/privateEndpointConnectionProxies/${PROXY}`);
    const [proxy] = body.remotePrivateEndpoint.privateLinkServiceProxies;
    expect(proxy.groupConnectivityInformation[0].customerVisibleFqdns).toEqual(["myfhir.azurehealthcareapis.com"]);
  });
});
