import { isTooWide } from "../../nginx/lint/network.ts";
import { type Configuration, type Fields, fieldsOf, find, listOf, type Value, walk } from "./read.ts";

/** A mistake, where it stands, and what it opens. */
export interface Finding {
  /** The rule's name, which the README explains. */
  readonly rule: string;
  /** Listener and filter chain. */
  readonly where: string;
  readonly text: string;
}

/** An HTTP connection manager, with what stands around it. */
interface Manager {
  readonly where: string;
  readonly listener: Fields;
  readonly chain: Fields;
  readonly settings: Fields;
  readonly filters: readonly Fields[];
  /** The gate's filter; undefined if there is none. */
  readonly gate: Fields | undefined;
  /** What the gate's instance stands in front of: `direct`, `proxy`, `proxy-untrusted`, `public`, `status`. */
  readonly kind: string;
  readonly routes: readonly Fields[];
}

type Rule = (manager: Manager) => [rule: string, text: string][];

const isType = (of: Fields, name: string) => String(find(of, "typed_config", "@type")).endsWith(`.${name}`);
const isSet = (value: Value | undefined) => value !== undefined && value !== false && value !== 0;
const hasEntries = (value: Value | undefined) => Array.isArray(value) && value.length > 0;

/** The settings of the gate's instance; null for any other filter. */
function readGate(filter: Fields): Fields | null {
  if (!isType(filter, "Wasm")) return null;
  try {
    const text = find(filter, "typed_config", "config", "configuration", "value");
    const settings = fieldsOf(JSON.parse(String(text)) as Value);
    return "listener" in settings && "gate" in settings ? settings : null;
  } catch {
    return null;
  }
}

const uncheckedPass: Rule = ({ gate, filters, routes }) => {
  const passes = walk([...routes]).some(
    each => "cluster" in each || "cluster_header" in each || "weighted_clusters" in each,
  );
  if (gate !== undefined || !passes || filters.length === 0) return [];
  return [
    ["unchecked-pass", "requests are forwarded without the gate's filter: whoever reaches this listener gets through"],
  ];
};

const lateGate: Rule = ({ gate, filters }) =>
  gate === undefined || filters[0] === gate
    ? []
    : [["late-gate", `${filters[0]?.name} comes before the gate: it may answer a request, or change what is judged`]];

const disabledGate: Rule = ({ gate, routes }) => {
  if (gate === undefined) return [];
  const overrides = walk([...routes]).filter(each => String(gate.name) in fieldsOf(each.typed_per_filter_config));
  return [
    ...(isSet(gate.disabled) || isSet(gate.is_optional)
      ? [["disabled-gate", "the gate's filter is disabled or optional: requests pass without it"] as [string, string]]
      : []),
    ...overrides.map((): [string, string] => [
      "disabled-gate",
      "typed_per_filter_config of the gate's filter: a route can turn the check off",
    ]),
  ];
};

const failOpen: Rule = ({ gate }) => {
  const config = fieldsOf(find(gate, "typed_config", "config"));
  return config.failure_policy === "FAIL_OPEN" || isSet(config.fail_open)
    ? [["fail-open", "after a trap in the filter every request passes unchecked"]]
    : [];
};

const forgedSource: Rule = ({ settings }) => [
  ...(settings.use_remote_address === true
    ? []
    : [
        ["forged-source", "use_remote_address is not true: a client's X-Forwarded-For becomes its address"] as [
          string,
          string,
        ],
      ]),
  ...(isSet(settings.xff_num_trusted_hops)
    ? [["forged-source", "xff_num_trusted_hops: a client's X-Forwarded-For becomes its address"] as [string, string]]
    : []),
  ...(hasEntries(settings.original_ip_detection_extensions)
    ? [
        ["forged-source", "original_ip_detection_extensions read the address from what a client writes"] as [
          string,
          string,
        ],
      ]
    : []),
];

const proxyTrust: Rule = ({ listener, chain, kind }) => {
  const filter = listOf(listener.listener_filters).find(each => isType(each, "ProxyProtocol"));
  const ranges = listOf(find(chain, "filter_chain_match", "direct_source_prefix_ranges")).map(
    each => `${each.address_prefix}/${each.prefix_len ?? 0}`,
  );
  const found: [string, string][] = [];
  if (filter !== undefined && find(filter, "typed_config", "allow_requests_without_proxy_protocol") === true)
    found.push([
      "forged-source",
      "allow_requests_without_proxy_protocol: the balancer's own address becomes the client's",
    ]);
  if (filter !== undefined && (kind === "direct" || kind === "public"))
    found.push([
      "forged-source",
      `a PROXY header decides the address that the instance "${kind}" takes for the connection's own`,
    ]);
  if (kind !== "proxy") return found;
  if (filter === undefined)
    found.push(["forged-source", 'the instance "proxy" without the PROXY protocol listener filter']);
  if (ranges.length === 0)
    found.push(["wide-trust", "no direct_source_prefix_ranges: everybody's PROXY header is believed"]);
  for (const range of ranges.filter(isTooWide))
    found.push(["wide-trust", `${range} believes more than load balancers`]);
  return found;
};

const strangeTarget: Rule = ({ settings }) => {
  const wanted = { normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: "REJECT_REQUEST" };
  return Object.entries(wanted)
    .filter(([name, value]) => settings[name] !== value)
    .map(([name, value]) => [
      "strange-target",
      `${name} is not ${value}: services may read another path than was judged`,
    ]);
};

const strangeHeaders: Rule = ({ settings }) => {
  const action = find(settings, "common_http_protocol_options", "headers_with_underscores_action");
  return action === "DROP_HEADER" || action === "REJECT_REQUEST"
    ? []
    : [["strange-headers", "x_private_link_id reaches services, of which some read _ as -"]];
};

const softenedDenial: Rule = ({ settings }) =>
  listOf(find(settings, "local_reply_config", "mappers")).some(each => "status_code" in each)
    ? [["softened-denial", "local_reply_config gives a denial another status"]]
    : [];

const rewritten: Rule = ({ routes }) =>
  walk([...routes]).flatMap(each =>
    Object.keys(each)
      .filter(name =>
        /^(prefix_rewrite|regex_rewrite|path_rewrite_policy|host_rewrite\w*|auto_host_rewrite)$/.test(name),
      )
      .map((name): [string, string] => [
        "rewritten-request",
        `${name}: the service gets another request than was judged`,
      ]),
  );

const chosenUpstream: Rule = ({ routes }) =>
  walk([...routes]).some(each => "cluster_header" in each)
    ? [["chosen-upstream", "cluster_header: the client chooses where its request goes"]]
    : [];

const upgrades: Rule = ({ settings, routes }) =>
  hasEntries(settings.upgrade_configs) || walk([...routes]).some(each => hasEntries(each.upgrade_configs))
    ? [["upgrade", "upgrade_configs: a service that answers 101 gets a tunnel past the gate"]]
    : [];

const plainHttp2: Rule = ({ settings, chain }) =>
  settings.codec_type !== "HTTP1" && chain.transport_socket === undefined
    ? [["plain-http2", "HTTP/2 without TLS is refused by design: codec_type HTTP1"]]
    : [];

const oldConnection: Rule = ({ settings, kind }) => {
  if (kind === "public") return [];
  const found = find(settings, "common_http_protocol_options", "max_connection_duration");
  return found === undefined
    ? [["old-connection", "no max_connection_duration: a link may be another's while a connection lives on"]]
    : [];
};

const exposedStatus: Rule = ({ listener }) => {
  const address = find(listener, "address", "socket_address", "address");
  return address === "0.0.0.0" || address === "::"
    ? [["exposed-status", `the status page answers on every address (${address})`]]
    : [];
};

const FOR_REQUESTS: readonly Rule[] = [
  lateGate,
  disabledGate,
  failOpen,
  forgedSource,
  proxyTrust,
  strangeTarget,
  strangeHeaders,
  softenedDenial,
  rewritten,
  chosenUpstream,
  upgrades,
  plainHttp2,
  oldConnection,
];

/** Looks for the mistakes that would open a hole in an Envoy with the gate; each once, listener by listener. */
export function findMistakes(configuration: Configuration): Finding[] {
  const managers = findManagers(configuration);
  const found: Finding[] = findTunnels(configuration);
  for (const manager of managers) {
    const rules =
      manager.gate === undefined ? [uncheckedPass] : manager.kind === "status" ? [exposedStatus] : FOR_REQUESTS;
    for (const [rule, text] of rules.flatMap(each => each(manager))) found.push({ rule, where: manager.where, text });
  }
  if (configuration.listeners.length > 0 && !managers.some(({ gate }) => gate !== undefined))
    found.push({ rule: "no-gate", where: "configuration", text: "no listener has the gate's filter" });
  const admin = configuration.adminAddress;
  if (admin !== null && !/^(127\.|::1$)/.test(admin))
    found.push({
      rule: "exposed-admin",
      where: "admin",
      text: `Envoy's admin page answers at ${admin}: loopback only`,
    });
  return [...new Map(found.map(finding => [JSON.stringify(finding), finding])).values()];
}

function chainsOf(listener: Fields): Fields[] {
  return [...listOf(listener.filter_chains), ...listOf([listener.default_filter_chain ?? {}])];
}

const nameOf = (listener: Fields, chain: Fields) => `${listener.name ?? "listener"}/${chain.name ?? "default"}`;

/** Filters of connections that forward what no HTTP filter sees. */
function findTunnels({ listeners }: Configuration): Finding[] {
  return listeners.flatMap(listener =>
    chainsOf(listener).flatMap(chain =>
      listOf(chain.filters)
        .filter(each => isType(each, "TcpProxy"))
        .map(() => ({
          rule: "unchecked-pass",
          where: nameOf(listener, chain),
          text: "tcp_proxy forwards connections that the gate never sees",
        })),
    ),
  );
}

function findManagers({ listeners, routes: named }: Configuration): Manager[] {
  return listeners.flatMap(listener =>
    chainsOf(listener).flatMap(chain =>
      listOf(chain.filters)
        .filter(each => isType(each, "HttpConnectionManager"))
        .map(each => {
          const settings = fieldsOf(each.typed_config);
          const filters = listOf(settings.http_filters);
          const gate = filters.find(filter => readGate(filter) !== null);
          const byName = find(settings, "rds", "route_config_name");
          const routes =
            "rds" in settings ? named.filter(route => route.name === byName) : [fieldsOf(settings.route_config)];
          const kind = gate === undefined ? "" : String(readGate(gate)?.listener);
          return { where: nameOf(listener, chain), listener, chain, settings, filters, gate, kind, routes };
        }),
    ),
  );
}
