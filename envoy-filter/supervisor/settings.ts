import { isIPv6 } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../njs/src/settings.ts";
import {
  NOT_IN_TEMPLATE,
  readValues,
  renderValues,
  type Setting,
  type SettingValues,
} from "../../njs/supervisor/setting.ts";
import { SETTINGS as WITH_NGINX } from "../../njs/supervisor/settings.ts";

const NAME = "LINKGATE";
const FILTER_DIR = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
/** Reserved for documentation (RFC 3849): no peer has it. */
const NOBODY = { address_prefix: "2001:db8::", prefix_len: 128 };

/** A setting that both gates have: the same name, values and meaning. */
function shared(name: string, own: Partial<Setting>): Setting {
  const setting = WITH_NGINX.find(each => each.name === `${NAME}_${name}`);
  if (setting === undefined) throw new Error(`the NGINX gate has no setting ${NAME}_${name}`);
  return { ...setting, ...own };
}

const isPath = shared("RUN_DIR", {}).isValid;
const isAddressOrSocket = (text: string) => shared("STATUS_LISTEN", {}).isValid(text) && !text.includes(" ");
const listener = (name: string, fallback: string, own: Partial<Setting> = {}) =>
  shared(name, {
    default: fallback,
    directive: "listener address",
    isValid: text => isAddressOrSocket(text) && !text.startsWith("*"),
    render: text => ({ [`${NAME}_${name}`]: renderAddress(text) }),
    ...own,
  });

/** Every setting of the Envoy gate, in the order of deploy/envoy/README.md. */
export const SETTINGS: readonly Setting[] = [
  shared("FEED_URL", { directive: "cluster linkgate_feed, filter configuration", render: renderFeedUrl }),
  shared("GATE_NAME", { directive: "node, filter configuration" }),
  shared("FEED_TOKEN_FILE", {
    directive: "credential injector, by feed-token.yaml",
    meaning:
      "File with the feed's bearer token. The supervisor looks at it every second: it can be changed at any time.",
    render: NOT_IN_TEMPLATE,
  }),
  shared("FEED_CA_FILE", { directive: "cluster linkgate_feed, transport_socket", render: NOT_IN_TEMPLATE }),
  shared("UPSTREAM", {
    directive: "set_filter_state, dynamic forward proxy",
    meaning: "Where admitted requests go: http, a host and a port. `$linkgate_account` stands for the account.",
    isValid: text => shared("UPSTREAM", {}).isValid(text) && !text.startsWith("http://unix:"),
    render: renderUpstream,
  }),
  shared("RESOLVER", {
    directive: "dns_cache_config, typed_dns_resolver_config",
    meaning: "DNS server for the upstream's host name, `address:port`. None: the machine's own.",
    isValid: text => text === "" || /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/.test(text),
    render: text => ({ [`${NAME}_RESOLVER`]: renderResolver(text) }),
  }),
  shared("ZONES", { directive: "filter configuration", render: NOT_IN_TEMPLATE }),
  listener("DIRECT_LISTEN", "[::]:8080"),
  listener("PROXY_LISTEN", "[::]:8081"),
  shared("LOAD_BALANCERS", {
    directive: "filter_chain_match, direct_source_prefix_ranges",
    render: text => ({ [`${NAME}_LOAD_BALANCERS`]: renderNetworks(text) }),
  }),
  shared("LINK_TLV", { directive: "filter configuration", render: NOT_IN_TEMPLATE }),
  listener("PUBLIC_LISTEN", "unix:<run dir>/public.sock"),
  shared("TLS_CERT_FILE", { directive: "transport_socket, by tls-certificate.yaml", render: NOT_IN_TEMPLATE }),
  shared("TLS_KEY_FILE", {
    directive: "transport_socket, by tls-certificate.yaml",
    meaning:
      "PEM file of the certificate's key, in the same folder. Renewed files that are moved into their place there are served at once.",
    render: NOT_IN_TEMPLATE,
  }),
  listener("STATUS_LISTEN", "127.0.0.1:8082"),
  listener("STATUS_LISTEN", "127.0.0.1:9901", {
    name: `${NAME}_ADMIN_LISTEN`,
    directive: "admin",
    meaning: "Envoy's own admin page: metrics, and whatever else it tells and does. Loopback only.",
    isValid: text => /^(127\.\d+\.\d+\.\d+|\[::1\]):\d{1,5}$/.test(text),
    render: text => ({ [`${NAME}_ADMIN_LISTEN`]: renderAddress(text) }),
  }),
  shared("MAX_TABLE_AGE", { directive: "filter configuration", render: NOT_IN_TEMPLATE }),
  shared("LINK_QUARANTINE", {
    directive: "max_connection_duration, drain_timeout, filter configuration",
    render: text => ({
      [`${NAME}_CONNECTION_DURATION`]: `${(Number(text) / 2).toFixed(3)}s`,
      [`${NAME}_CONNECTION_DRAIN`]: `${(Number(text) / 4).toFixed(3)}s`,
    }),
  }),
  shared("WORKERS", { directive: "--concurrency", render: NOT_IN_TEMPLATE }),
  shared("DRAIN_TIMEOUT", {
    directive: "read by the supervisor; --drain-time-s",
    meaning: "Seconds, 1 to 3600, that running requests get to end when Envoy stops or a listener is changed.",
    render: NOT_IN_TEMPLATE,
  }),
  shared("ACCESS_LOG", { directive: "access_log" }),
  shared("ERROR_LOG", {
    directive: "--log-path",
    meaning: "File of Envoy's own log, level warning.",
    render: NOT_IN_TEMPLATE,
  }),
  shared("RUN_DIR", { directive: "lds_config, sds_config" }),
  {
    name: `${NAME}_ENVOY_COMMAND`,
    default: "envoy",
    directive: "read by the supervisor",
    meaning: "Path of Envoy.",
    isValid: text => text !== "",
    render: NOT_IN_TEMPLATE,
  },
  {
    name: `${NAME}_FILTER`,
    default: "<filter>/dist/linkgate.wasm",
    directive: "vm_config, code",
    meaning: "The filter, made by `npm run build -w @linkgate/envoy-filter`.",
    isValid: isPath,
  },
  {
    name: `${NAME}_TEMPLATE_DIR`,
    default: "<filter>/../deploy/envoy",
    directive: "read by the supervisor",
    meaning: "Folder of the two templates.",
    isValid: isPath,
    render: NOT_IN_TEMPLATE,
  },
];

/**
 * Reads every setting of the Envoy gate from the environment, with its default where there is none.
 * @throws Error that names each that is missing or can't be used
 */
export function readSettings(env: Environment): SettingValues {
  return readValues(SETTINGS, env, { "<filter>": FILTER_DIR }, values => {
    const [certificate = "", key = ""] = [values[`${NAME}_TLS_CERT_FILE`], values[`${NAME}_TLS_KEY_FILE`]];
    return (certificate === "") === (key === "") && dirname(certificate) === dirname(key)
      ? []
      : [`${NAME}_TLS_CERT_FILE and ${NAME}_TLS_KEY_FILE must be given together, in one folder`];
  });
}

/** What the placeholders of both templates stand for, but for the listeners' version. */
export function renderSettings(values: SettingValues): Record<string, string> {
  const placeholders = renderValues(SETTINGS, values);
  placeholders[`${NAME}_FEED_TLS`] = renderFeedTls(values);
  placeholders[`${NAME}_FILTER_SETTINGS`] = renderFilterSettings(values);
  const hasTls = values[`${NAME}_TLS_CERT_FILE`] !== "";
  placeholders[`${NAME}_CODEC`] = hasTls ? "AUTO" : "HTTP1";
  placeholders[`${NAME}_TLS`] = hasTls ? renderTls(values) : "";
  return placeholders;
}

/** What Envoy gets as the feed's credential. */
export function renderToken(token: string): string {
  const secret = JSON.stringify(`Bearer ${token}`);
  return `resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: linkgate_feed_token
  generic_secret: { secret: { inline_string: ${secret} } }
`;
}

/** What Envoy gets as the listeners' certificate: where it lies, and where to see that another has come. */
export function renderCertificate(values: SettingValues): string {
  const certificate = values[`${NAME}_TLS_CERT_FILE`] ?? "";
  return `resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: linkgate_certificate
  tls_certificate:
    certificate_chain: { filename: ${JSON.stringify(certificate)} }
    private_key: { filename: ${JSON.stringify(values[`${NAME}_TLS_KEY_FILE`])} }
    watched_directory: { path: ${JSON.stringify(dirname(certificate))} }
`;
}

function renderTls(values: SettingValues): string {
  const file = `${values[`${NAME}_RUN_DIR`]}/tls-certificate.yaml`;
  const sds = { resource_api_version: "V3", path_config_source: { path: file } };
  const context = {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    common_tls_context: {
      alpn_protocols: ["h2", "http/1.1"],
      tls_certificate_sds_secret_configs: [{ name: "linkgate_certificate", sds_config: sds }],
    },
  };
  return `transport_socket: ${JSON.stringify({ name: "envoy.transport_sockets.tls", typed_config: context })}`;
}

function renderFilterSettings(values: SettingValues): string {
  const { host, pathname } = new URL(values[`${NAME}_FEED_URL`] ?? "");
  const settings = {
    gate: values[`${NAME}_GATE_NAME`],
    zones: values[`${NAME}_ZONES`],
    linkTlv: values[`${NAME}_LINK_TLV`],
    maxTableAge: values[`${NAME}_MAX_TABLE_AGE`],
    linkQuarantine: values[`${NAME}_LINK_QUARANTINE`],
    feedAuthority: host,
    feedPath: pathname.replace(/\/+$/, ""),
  };
  return JSON.stringify(settings).slice(1, -1);
}

function renderFeedUrl(text: string): Record<string, string> {
  const url = new URL(text);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return { [`${NAME}_FEED_ADDRESS`]: renderSocket(url.hostname.replace(/^\[|\]$/g, ""), port) };
}

function renderFeedTls(values: SettingValues): string {
  const { protocol, hostname } = new URL(values[`${NAME}_FEED_URL`] ?? "");
  if (protocol !== "https:") return "";
  const caFile = values[`${NAME}_FEED_CA_FILE`] || "/etc/ssl/certs/ca-certificates.crt";
  const host = hostname.replace(/^\[|\]$/g, "");
  const isAddress = isIPv6(host) || /^[\d.]+$/.test(host);
  const names = [{ san_type: isAddress ? "IP_ADDRESS" : "DNS", matcher: { exact: host } }];
  const context = {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    ...(isAddress ? {} : { sni: host }),
    common_tls_context: {
      validation_context: { trusted_ca: { filename: caFile }, match_typed_subject_alt_names: names },
    },
  };
  return `transport_socket: ${JSON.stringify({ name: "envoy.transport_sockets.tls", typed_config: context })}`;
}

function renderUpstream(text: string): Record<string, string> {
  const [, host = "", port = "80"] = /^http:\/\/(.+?)(?::(\d+))?$/.exec(text) ?? [];
  return {
    [`${NAME}_UPSTREAM_HOST`]: host.replace("$linkgate_account", "%FILTER_STATE(wasm.linkgate.account:PLAIN)%"),
    [`${NAME}_UPSTREAM_PORT`]: port,
  };
}

function renderResolver(text: string): string {
  if (text === "") return "";
  const config = {
    "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
    resolvers: [JSON.parse(renderAddress(text)) as object],
    dns_resolver_options: { no_default_search_domain: true },
  };
  return `typed_dns_resolver_config: ${JSON.stringify({ name: "envoy.network.dns_resolver.cares", typed_config: config })}`;
}

function renderNetworks(text: string): string {
  // An empty list would match every peer.
  if (text === "") return JSON.stringify([NOBODY]);
  const networks = text.split(",").map(part => {
    const [address = "", bits] = part.trim().split("/");
    return { address_prefix: address, prefix_len: Number(bits ?? (isIPv6(address) ? 128 : 32)) };
  });
  return JSON.stringify(networks);
}

function renderAddress(text: string): string {
  if (text.startsWith("unix:")) return JSON.stringify({ pipe: { path: text.slice(5), mode: 0o666 } });
  const colon = text.lastIndexOf(":");
  return renderSocket(text.slice(0, colon).replace(/[[\]]/g, ""), Number(text.slice(colon + 1)));
}

function renderSocket(address: string, port: number): string {
  const compatible = address === "::" ? { ipv4_compat: true } : {};
  return JSON.stringify({ socket_address: { address, port_value: port, ...compatible } });
}
