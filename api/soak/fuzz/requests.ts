import fc from "fast-check";
import { contract, type Operation } from "../../src/contract/contract.ts";
import { ACCOUNT_BODY, decisionBody, proxyBody, SUBSCRIPTION } from "../../test/support/documents.ts";
import {
  bodiesOf,
  type Described,
  type FuzzRequest,
  headerText,
  readDescribed,
  segment,
  sometimes,
  withoutNothing,
} from "./pieces.ts";

/** Bodies that are right, so that something is there to be found by what is not. */
const RIGHT: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Services_CreateOrUpdate: fc.constant(ACCOUNT_BODY),
  Subscriptions_Announce: fc
    .constantFrom("Registered", "Warned", "Suspended", "Unregistered", "Deleted")
    .map(state => ({ state, registrationDate: "Tue, 15 Nov 1994 08:12:31 GMT", properties: { tenantId: "t" } })),
  Services_Update: fc
    .constantFrom("Enabled", "Disabled")
    .map(publicNetworkAccess => ({ properties: { publicNetworkAccess } })),
  PrivateEndpointConnections_CreateOrUpdate: fc
    .constantFrom("Approved", "Rejected")
    .map(status => decisionBody(status)),
  PrivateEndpointConnectionProxies_CreateOrUpdate: fc
    .tuple(fc.constantFrom("manual" as const, "auto" as const), fc.integer({ min: 1, max: 60 }))
    .map(([kind, link]) => proxyBody("pe1", kind, [link])),
};

/** Accounts that are there at the start, and their resource group. */
export const KNOWN_ACCOUNTS = ["fuzz-a", "fuzz-b", "fuzz-c"] as const;
export const KNOWN_GROUP = "fuzz";

const SEGMENTS: Readonly<Record<string, readonly string[]>> = {
  subscriptionId: [SUBSCRIPTION, SUBSCRIPTION, SUBSCRIPTION, "00000000-0000-0000-0000-000000000002"],
  resourceGroupName: [KNOWN_GROUP, KNOWN_GROUP, KNOWN_GROUP, KNOWN_GROUP, "other"],
  resourceName: KNOWN_ACCOUNTS,
  privateEndpointConnectionName: ["pe1", "pe2.a", "pe3.b_c"],
  privateEndpointConnectionProxyId: ["pe1", "pe2.a", "pe3.b_c"],
  groupName: ["fhir", "fhir", "workspace"],
  locationName: ["westus2"],
  operationResultId: ["00000000-0000-0000-0000-000000000000"],
};

const query: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("api-version=2024-03-31", "API-Version=2020-03-30") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        "",
        "api-version=",
        "api-version=2024-03-31&api-version=2024-03-31",
        "api-version=2099-01-01",
        "api-version=%00",
      ],
      ...[
        "api-version=2024-03-31&$skipToken=%00",
        "api-version=2024-03-31&$skipToken=Zm9v",
        "api-version[]=2024-03-31",
      ],
      ...["api-version=2024-03-31&$skipToken=L2E", "api-version=2024-03-31&$skiptoken=YS8nOy0t", "api-version=2.0"],
      ...["api-version=2024-03-31&operationResultResponseType=Location", "__proto__=1&api-version=2024-03-31"],
      `api-version=2024-03-31&x=${"y".repeat(6000)}`,
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .string({ maxLength: 20 })
      .map(text => `api-version=2024-03-31&$skipToken=${encodeURIComponent(text)}`),
  },
);

/** ARM's word on a subscription changes what all other calls may do there, so it is given of another one, by its own api-version. */
const ANNOUNCEMENT = {
  id: "Subscriptions_Announce",
  subscription: segment(["00000000-0000-0000-0000-000000000003"]),
  query: fc.oneof({ weight: 5, arbitrary: fc.constant("api-version=2.0") }, query),
};

const headers = (nrp: string): fc.Arbitrary<Record<string, string>> =>
  fc
    .record({
      "x-ms-client-app-id": fc.oneof({ weight: 12, arbitrary: fc.constant(nrp) }, headerText),
      "content-type": fc.oneof(
        { weight: 12, arbitrary: fc.constant("application/json") },
        fc.constantFrom(
          "text/plain",
          "application/json; charset=utf-16",
          "application/x-www-form-urlencoded",
          "application/merge-patch+json",
        ),
        headerText,
      ),
      "if-match": sometimes(8, fc.oneof(fc.constant("*"), headerText)),
      "if-none-match": sometimes(12, fc.oneof(fc.constant("*"), headerText)),
      referer: sometimes(4, fc.oneof(fc.webUrl(), headerText)),
      "x-ms-correlation-request-id": sometimes(4, headerText),
      "x-ms-client-request-id": sometimes(4, headerText),
      "x-ms-return-client-request-id": sometimes(4, fc.constantFrom("true", "false", "maybe")),
      "x-ms-arm-resource-system-data": sometimes(4, headerText),
      "accept-language": sometimes(8, headerText),
      "content-encoding": sometimes(30, fc.constantFrom("gzip", "identity", "br")),
    })
    .map(withoutNothing);

/** Requests for every operation of the contract that ARM calls: right ones, and what can be made of them. */
export function requests(nrp: string): fc.Arbitrary<FuzzRequest> {
  const services = new Set(contract.operations.map(({ service }) => service).filter(service => service !== "admin"));
  const all = [...services].flatMap(readDescribed).map(described => {
    const made = bodiesOf(described, RIGHT[described.operationId]);
    return { weight: made === undefined ? 1 : 4, arbitrary: request(described, made, nrp) };
  });
  return fc.oneof(...all);
}

function request(
  { operationId, method, path }: Described,
  body: fc.Arbitrary<Buffer> | undefined,
  nrp: string,
): fc.Arbitrary<FuzzRequest> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const isAnnouncement = operationId === ANNOUNCEMENT.id;
  return fc
    .record({
      segments: isAnnouncement
        ? fc.tuple(ANNOUNCEMENT.subscription)
        : fc.tuple(...names.map(name => segment(SEGMENTS[name] ?? ["unknown"]))),
      query: isAnnouncement ? ANNOUNCEMENT.query : query,
      headers: headers(nrp),
      body: body ?? fc.constant(undefined),
      method: fc.oneof(
        { weight: 30, arbitrary: fc.constant(method) },
        fc.constantFrom("GET", "PUT", "POST", "OPTIONS"),
      ),
    })
    .map(made => ({
      operation: contract.operation(operationId as Operation["id"]),
      method: made.method,
      path: `${names.reduce((filled, name, n) => filled.replace(`{${name}}`, () => made.segments[n] ?? ""), path)}?${made.query}`,
      headers: made.headers,
      body: made.method === "GET" || made.method === "OPTIONS" ? undefined : made.body,
    }));
}
