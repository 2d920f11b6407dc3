import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as Oav from "oav";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GENERATED } from "../../spec/generate.ts";
import { contract } from "../../src/contract/contract.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  decisionBody,
  nextLinkId,
  proxyBody,
  proxyPath,
  SUBSCRIPTION,
} from "../support/documents.ts";

// Azure's own validator of specifications, their examples and live traffic.
const { LiveValidator, validateExamples } = createRequire(import.meta.url)("oav") as typeof Oav;

describe.each(["public", "internal"] as const)("the examples of the %s service", service => {
  it("are what the Swagger document says", async () => {
    expect(await findErrors(join(GENERATED, service, "swagger.json"))).toEqual([]);
  });

  it("are there for every operation", async () => {
    const ids = contract.operations.filter(operation => operation.service === service).map(({ id }) => `${id}.json`);
    expect(await readdir(join(GENERATED, service, "examples"))).toEqual(ids.toSorted());
  });
});

it("an example that is wrong is found", async () => {
  const folder = await mkdtemp(join(tmpdir(), "linkgate-examples-"));
  await cp(GENERATED, folder, { recursive: true });
  const file = join(folder, "public/examples/Services_Get.json");
  await writeFile(file, (await readFile(file, "utf8")).replace('"fhir-R4"', "4"));
  expect(await findErrors(join(folder, "public/swagger.json"))).not.toEqual([]);
  await rm(folder, { recursive: true });
});

async function findErrors(swagger: string): Promise<readonly unknown[]> {
  return (await validateExamples(swagger, undefined, { consoleLogLevel: "off", pretty: false })) ?? [];
}

describe("what really travels between ARM and the api", () => {
  let api: TestApi;
  let validator: Oav.LiveValidator;

  beforeAll(async () => {
    api = await startTestApi();
    validator = new LiveValidator({
      directory: GENERATED,
      swaggerPathsPattern: ["public/swagger.json", "internal/swagger.json"],
      git: { shouldClone: false },
    });
    await validator.initialize();
  });

  afterAll(() => api.stop());

  it("is what the Swagger documents say, from an account's first day to its last", async () => {
    const account = accountPath("validated");
    const link = nextLinkId();
    await judge("PUT", account, 201, { ...ACCOUNT_BODY, tags: { team: "x" } });
    await judge("PUT", account, 200, ACCOUNT_BODY);
    await judge("PATCH", account, 200, { properties: { publicNetworkAccess: "Disabled" } });
    await judge("GET", `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.HealthcareApis/services`, 200);
    await judge(
      "GET",
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.HealthcareApis/services`,
      200,
    );
    await judge("GET", `${account}/privateLinkResources`, 200);
    await judge("GET", `${account}/privateLinkResources/fhir`, 200);
    await judge("GET", "/providers/Microsoft.HealthcareApis/operations", 200);

    await judge("POST", `${proxyPath("validated", "pe1.a")}/validate`, 200, proxyBody("pe1", "manual", [link]));
    await judge("PUT", proxyPath("validated", "pe1.a"), 201, proxyBody("pe1", "manual", [link]));
    await judge("PUT", proxyPath("validated", "pe2.b"), 201, proxyBody("pe2", "auto", [nextLinkId()]));
    const moved = { id: "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/privateEndpoints/pe2" };
    const update = { ...endpointOf(proxyBody("pe2", "auto")), ...moved, connectionDetails: "nonsense" };
    await judge("POST", `${proxyPath("validated", "pe2.b")}/updatePrivateEndpointProperties`, 200, update);
    await judge("GET", proxyPath("validated", "pe2.b"), 200);
    await judge("GET", `${account}/privateEndpointConnectionProxies`, 200);

    await judge("GET", `${account}/privateEndpointConnections`, 200);
    await judge("PUT", connectionPath("validated", "pe1.a"), 200, decisionBody("Approved"));
    await judge("GET", connectionPath("validated", "pe1.a"), 200);
    // Held by a gate that admits the link, the rejection and the deletions go on behind their answers.
    const gate = api.gate();
    await gate.catchUp();
    await judge("PUT", connectionPath("validated", "pe1.a"), 200, decisionBody("Rejected"));
    await judge("DELETE", connectionPath("validated", "pe2.b"), 202);
    const operation = await judge("DELETE", account, 202);
    await judge("GET", account, 200);
    await judge("GET", String(operation["azure-asyncoperation"]), 200);
    await judge("GET", String(operation.location), 202);
  });

  it("also when it goes wrong", async () => {
    await judge("GET", accountPath("nowhere"), 404);
    await judge("DELETE", accountPath("nowhere"), 204);
    await judge("PUT", accountPath("wrong"), 400, { kind: "none" }, "wrong on purpose");
    await judge("PUT", accountPath("wrong"), 415, "text", "wrong on purpose");
  });

  function endpointOf(body: object): object {
    return (body as { remotePrivateEndpoint: object }).remotePrivateEndpoint;
  }

  /** Makes a call and has both halves judged. @returns the headers of the answer */
  async function judge(
    method: string,
    path: string,
    status: number,
    body?: unknown,
    wrong?: "wrong on purpose",
  ): Promise<Record<string, string | undefined>> {
    const options = body === undefined ? {} : { body };
    const headers = body === "text" ? { headers: { "content-type": "text/plain" } } : {};
    const answer = await api.nrp.call(method, path, { ...options, ...headers });
    expect(answer, answer.text).toMatchObject({ status });
    const url = new URL(path, "https://management.azure.com");
    url.searchParams.set("api-version", "2024-03-31");
    const result = await validator.validateLiveRequestResponse({
      liveRequest: { method, url: url.href, headers: { "content-type": "application/json" }, body: body as never },
      liveResponse: { statusCode: String(status), headers: answer.headers as never, body: answer.body },
    });
    const { requestValidationResult: request, responseValidationResult: response } = result;
    // An operation that the validator doesn't find would have no errors either.
    expect(request.operationInfo.operationId, `${method} ${path}`).not.toBe("");
    expect(request.runtimeException ?? response.runtimeException).toBeUndefined();
    if (wrong === undefined) expect(request.errors, `${method} ${path}`).toEqual([]);
    expect(response.errors, `${method} ${path}`).toEqual([]);
    return answer.headers;
  }
});
