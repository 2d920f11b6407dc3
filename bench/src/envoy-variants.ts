import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildCallingFilter, buildEmptyFilter } from "../../envoy-filter/build.ts";
import { SOURCE_HEADER } from "./authorizer.ts";
import { linksOf, nameAccount } from "./feed.ts";
import type { World } from "./gate.ts";

/** A way to run the Envoy gate's own configuration, so that nothing but the check differs. */
export interface EnvoyVariant {
  readonly name: string;
  readonly isLinkgate?: boolean;
  readonly asks?: "authorizer" | "grpcAuthorizer" | "decider";
  /** With more accounts it is left out: Envoy would not be up in time. */
  readonly mostAccounts?: number;
  /** HTTP filters that stand where the gate's stood in the listener that is asked; null leaves the gate's there. */
  filters(world: World): readonly object[] | null;
  /** Further clusters. */
  clusters?(world: World): readonly object[];
}

const TYPE = "type.googleapis.com/envoy.extensions";
const AUTHORIZER = { uri: "http://127.0.0.1", cluster: "authorizer", timeout: "1s" };

/** The gate, and what people would use instead; the first is what the others are compared with. */
export const ENVOY_VARIANTS: readonly EnvoyVariant[] = [
  { name: "no check", filters: () => [] },
  { name: "wasm filter that returns at once", filters: () => [wasm("empty", buildEmptyFilter())] },
  {
    name: "wasm filter with the calls alone",
    filters: ({ accounts }) => [wasm("calls", buildCallingFilter(), String(accounts))],
  },
  { name: "Linkgate", isLinkgate: true, filters: () => null },
  {
    name: "ext_authz over HTTP, to a service that says yes",
    asks: "authorizer",
    filters: () => [authorize({ http_service: { server_uri: AUTHORIZER } })],
    clusters: ({ authorizer }) => [cluster(authorizer.port, {})],
  },
  {
    name: "ext_authz over HTTP, to a service that decides",
    asks: "decider",
    filters: () => [
      authorize({
        http_service: {
          server_uri: AUTHORIZER,
          authorization_request: {
            headers_to_add: [{ key: SOURCE_HEADER, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" }],
          },
          authorization_response: { allowed_upstream_headers: { patterns: [{ prefix: "x-private-link-" }] } },
        },
      }),
    ],
    clusters: ({ decider }) => [cluster(decider.port, {})],
  },
  {
    name: "ext_authz over gRPC, to a service that says yes",
    asks: "grpcAuthorizer",
    filters: () => [authorize({ grpc_service: { envoy_grpc: { cluster_name: "authorizer" }, timeout: "1s" } })],
    clusters: ({ grpcAuthorizer }) => [cluster(grpcAuthorizer.port, { http2_protocol_options: {} })],
  },
  {
    name: "RBAC, a matcher tree",
    mostAccounts: 10_000,
    filters: ({ accounts }) => [
      {
        name: "check",
        typed_config: { "@type": `${TYPE}.filters.http.rbac.v3.RBAC`, matcher: writeRbacMatcher(accounts) },
      },
    ],
  },
  {
    name: "Lua filter doing the same job",
    filters: ({ folder, accounts }) => {
      const script = join(folder, "check.lua");
      writeFileSync(script, writeLua(accounts));
      return [
        {
          name: "check",
          typed_config: {
            "@type": `${TYPE}.filters.http.lua.v3.Lua`,
            default_source_code: { filename: script },
          },
        },
      ];
    },
  },
];

/** A filter in a VM of its own. */
function wasm(name: string, file: string, value = ""): object {
  const vm_config = { vm_id: name, runtime: "envoy.wasm.runtime.v8", code: { local: { filename: file } } };
  const configuration = { "@type": "type.googleapis.com/google.protobuf.StringValue", value };
  const config = { name, root_id: name, vm_config, configuration };
  return { name, typed_config: { "@type": `${TYPE}.filters.http.wasm.v3.Wasm`, config } };
}

function authorize(service: object): object {
  return {
    name: "authorize",
    typed_config: {
      "@type": `${TYPE}.filters.http.ext_authz.v3.ExtAuthz`,
      transport_api_version: "V3",
      failure_mode_allow: false,
      ...service,
    },
  };
}

function cluster(port: number, explicit: object): object {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return {
    name: "authorizer",
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: "authorizer",
      endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
    },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: "http2_protocol_options" in explicit ? explicit : { http_protocol_options: {} },
      },
    },
  };
}

/**
 * Host, then source, as a matcher tree. A prefix of 48 bits has the link id in it, and what stands in front of that, which is not
 * Azure's alone to choose. RBAC writes no headers.
 */
function writeRbacMatcher(accounts: number): object {
  const action = {
    name: "allow",
    typed_config: { "@type": "type.googleapis.com/envoy.config.rbac.v3.Action", name: "allow" },
  };
  const input = (name: string, config: object) => ({ name, typed_config: config });
  const rows = Array.from({ length: accounts }, (_, n) => [
    `${nameAccount(n)}.privatelink.azurehealthcareapis.com`,
    {
      matcher: {
        matcher_tree: {
          input: input("source", { "@type": `${TYPE}.matching.common_inputs.network.v3.SourceIPInput` }),
          custom_match: {
            name: "ip",
            typed_config: {
              "@type": "type.googleapis.com/xds.type.matcher.v3.IPMatcher",
              range_matchers: [{ ranges: linksOf(n).map(writePrefix), on_match: { action } }],
            },
          },
        },
      },
    },
  ]);
  const host = {
    "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
    header_name: ":authority",
  };
  return { matcher_tree: { input: input("host", host), exact_match_map: { map: Object.fromEntries(rows) } } };
}

function writePrefix(link: number): object {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(link);
  const groups = ["fd40", bytes.readUInt16BE(0).toString(16), bytes.readUInt16BE(2).toString(16)];
  return { address_prefix: `${groups.join(":")}::`, prefix_len: 48 };
}

/** The decision for a private host and a link, in Lua, with the table in the script. It can't be changed but by a new script. */
function writeLua(accounts: number): string {
  const rows = Array.from({ length: accounts }, (_, n) => `${nameAccount(n)} ${linksOf(n).join(" ")}`);
  return `local links = {}
for account, one, two, three in ([[${rows.join("\n")}
]]):gmatch("(%S+) (%d+) (%d+) (%d+)\\n") do
  links[account] = { [tonumber(one)] = true, [tonumber(two)] = true, [tonumber(three)] = true }
end
local suffix = ".privatelink.azurehealthcareapis.com"
local function swap(group) local value = tonumber(group, 16) return math.floor(value / 256) + value % 256 * 256 end
function envoy_on_request(handle)
  local headers = handle:headers()
  local host = headers:get(":authority"):lower()
  local account = host:sub(-#suffix) == suffix and host:sub(1, -#suffix - 1)
  local first, low, high, seventh, eighth = handle:streamInfo():downstreamRemoteAddress():match("^%[(%x+):(%x+):(%x+):.*:(%x+):(%x+)%]")
  local ids = account and links[account]
  local id = first and first >= "fd40" and first < "fd80" and swap(low) + swap(high) * 65536
  if not ids or not id or not ids[id] then
    handle:respond({ [":status"] = "403", ["content-type"] = "application/fhir+json" }, '{"resourceType":"OperationOutcome"}')
    return
  end
  local left, right = tonumber(seventh, 16), tonumber(eighth, 16)
  headers:replace("x-private-link-id", string.format("%d", id))
  headers:replace("x-private-link-client", string.format("%d.%d.%d.%d:%d",
    math.floor(left / 256), left % 256, math.floor(right / 256), right % 256, id))
end
`;
}
