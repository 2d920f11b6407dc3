import { isIP } from "node:net";
import { fileURLToPath } from "node:url";
import {
  type Environment,
  parseFeedUrl,
  parseGateName,
  parsePath,
  parseSeconds,
  parseTlvMode,
  parseZones,
} from "../src/settings.ts";
import { NOT_IN_TEMPLATE, readValues, renderValues, type Setting, type SettingValues } from "./setting.ts";

const NAME = "LINKGATE";
const GATE_DIR = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

const isPath = (text: string) => parsePath(text) !== null;
const isSize = (text: string) => /^[1-9]\d{0,5}[km]$/.test(text);
const isListen = (text: string) =>
  /^(\[[0-9a-fA-F:.]+\]|[\d.]+|\*):\d{1,5}( ipv6only=off)?$/.test(text) || isSocket(text);
const isSocket = (text: string) => text.startsWith("unix:") && isPath(text.slice(5));
const isResolver = (text: string) => /^([\w.-]+|\[[0-9a-fA-F:]+\])(:\d+)?( (ipv[46]=(on|off)|valid=\d+s))*$/.test(text);
const isUpstream = (text: string) => {
  const [, place = ""] = /^http:\/\/(.+)$/.exec(text.replace("$linkgate_account", "account")) ?? [];
  return /^(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?$/.test(place) || isSocket(place);
};

/** Every setting, in the order of the README. */
export const SETTINGS: readonly Setting[] = [
  {
    name: `${NAME}_FEED_URL`,
    default: null,
    directive: "env, read by the gate",
    meaning: "Where the control plane's feed is: an http or https URL without the path of the call.",
    isValid: text => parseFeedUrl(text) !== null,
    // njs 1.0.2 keeps a connection whose certificate it has refused, too, and asks on it the next time without a word.
    render: text => ({
      [`${NAME}_FEED_URL`]: text,
      [`${NAME}_FEED_KEEPALIVE`]: text.startsWith("https:") ? "" : "js_fetch_keepalive 2;",
    }),
  },
  {
    name: `${NAME}_GATE_NAME`,
    default: null,
    directive: "env, read by the gate",
    meaning: "The name that the feed's token belongs to.",
    isValid: text => parseGateName(text) !== null,
  },
  {
    name: `${NAME}_FEED_TOKEN_FILE`,
    default: null,
    directive: "env, read by the gate",
    meaning: "File with the feed's bearer token. Read at every poll, by a worker: it can be changed without a reload.",
    isValid: isPath,
  },
  {
    name: `${NAME}_FEED_CA_FILE`,
    default: "",
    directive: "js_fetch_trusted_certificate",
    meaning: "PEM file that the feed's https certificate is checked against. Wanted for https.",
    isValid: text => text === "" || isPath(text),
    render: text => ({ [`${NAME}_FEED_CA_FILE`]: directive("js_fetch_trusted_certificate", text) }),
  },
  {
    name: `${NAME}_FEED_RESOLVER`,
    default: "",
    directive: "resolver",
    meaning: "DNS server for the feed's host name, with NGINX's options. Wanted unless the feed's URL has an address.",
    isValid: text => text === "" || isResolver(text),
    render: text => ({ [`${NAME}_FEED_RESOLVER`]: directive("resolver", text) }),
  },
  {
    name: `${NAME}_UPSTREAM`,
    default: null,
    directive: "proxy_pass",
    meaning:
      "Where admitted requests go: http, a host or a unix socket, no path. `$linkgate_account` stands for the account.",
    isValid: isUpstream,
    // Behind a socket's path a colon begins the target.
    render: text => ({
      [`${NAME}_UPSTREAM`]: text,
      [`${NAME}_UPSTREAM_HEALTH`]: text.startsWith("http://unix:") ? `${text}:` : text,
    }),
  },
  {
    name: `${NAME}_RESOLVER`,
    default: "",
    directive: "resolver",
    meaning:
      "DNS server for the upstream's host name, with NGINX's options. Wanted if that has `$linkgate_account` in it.",
    isValid: text => text === "" || isResolver(text),
    render: text => ({ [`${NAME}_RESOLVER`]: directive("resolver", text) }),
  },
  {
    name: `${NAME}_ZONES`,
    default: "azurehealthcareapis.com/privatelink.azurehealthcareapis.com",
    directive: "env, read by the gate",
    meaning: "DNS suffixes served, `public/private`, several separated by commas.",
    isValid: text => parseZones(text) !== null,
  },
  {
    name: `${NAME}_DIRECT_LISTEN`,
    default: "[::]:8080 ipv6only=off",
    directive: "listen",
    meaning: "Private Link listener that sees the clients' own addresses.",
    isValid: isListen,
    render: renderListen(`${NAME}_DIRECT_LISTEN`),
  },
  {
    name: `${NAME}_PROXY_LISTEN`,
    default: "[::]:8081 ipv6only=off",
    directive: "listen ... proxy_protocol",
    meaning: "Private Link listener behind a load balancer that speaks PROXY protocol.",
    isValid: isListen,
    render: renderListen(`${NAME}_PROXY_LISTEN`),
  },
  {
    name: `${NAME}_LOAD_BALANCERS`,
    default: "",
    directive: "set_real_ip_from, geo",
    meaning: "Addresses or CIDR blocks, separated by commas, whose PROXY headers are believed. Empty: nobody's.",
    isValid: text => splitList(text).every(isNetwork),
    render: text => ({
      [`${NAME}_LOAD_BALANCERS_REAL_IP`]: lines(splitList(text).map(network => `set_real_ip_from ${network};`)),
      [`${NAME}_LOAD_BALANCERS_GEO`]: lines(splitList(text).map(network => `${network} 1;`)),
    }),
  },
  {
    name: `${NAME}_LINK_TLV`,
    default: "off",
    directive: "env, read by the gate",
    meaning: "Whether the PROXY listener reads the link id from TLV 0xEE: `off`, `optional` or `required`.",
    isValid: text => parseTlvMode(text) !== null,
  },
  {
    name: `${NAME}_PUBLIC_LISTEN`,
    default: "unix:<run dir>/public.sock",
    directive: "listen",
    meaning: "Listener for the public network. The default is one that nobody reaches.",
    isValid: isListen,
    render: renderListen(`${NAME}_PUBLIC_LISTEN`),
  },
  {
    name: `${NAME}_TLS_CERT_FILE`,
    default: "",
    directive: "listen ... ssl, http2, ssl_certificate",
    meaning:
      "PEM file of the certificate and its chain. With it every listener for requests speaks TLS, HTTP/2 or HTTP/1.1; without it clear text, HTTP/1.1 alone.",
    isValid: text => text === "" || isPath(text),
    render: text => ({
      [`${NAME}_TLS_LISTEN`]: text === "" ? "" : " ssl",
      [`${NAME}_TLS_CERT_FILE`]: text === "" ? "" : `http2 on;\n    ${directive("ssl_certificate", text)}`,
    }),
  },
  {
    name: `${NAME}_TLS_KEY_FILE`,
    default: "",
    directive: "ssl_certificate_key",
    meaning:
      "PEM file of the certificate's key, without a password; only NGINX's master reads it. Renewed files that are put in the place of these two are served within seconds.",
    isValid: text => text === "" || isPath(text),
    render: text => ({ [`${NAME}_TLS_KEY_FILE`]: directive("ssl_certificate_key", text) }),
  },
  {
    name: `${NAME}_STATUS_LISTEN`,
    default: "127.0.0.1:8082",
    directive: "listen",
    meaning: "Listener for probes (`/live`, `/ready`) and the status page. Never expose it with the others.",
    isValid: isListen,
    render: renderListen(`${NAME}_STATUS_LISTEN`),
  },
  {
    name: `${NAME}_MAX_TABLE_AGE`,
    default: "3600",
    directive: "env, read by the gate",
    meaning: "Seconds, 1 to 604800: how long the table admits by link when the feed can't be followed.",
    isValid: text => parseSeconds(text, 604_800) !== null,
  },
  {
    name: `${NAME}_LINK_QUARANTINE`,
    default: "60",
    directive: "keepalive_time, keepalive_timeout",
    meaning:
      "Seconds, 1 to 3600: how old a connection may be that brings a request by link. At most what the API waits before a link id is free.",
    isValid: text => parseSeconds(text, 3600) !== null,
    render: text => ({
      [`${NAME}_LINK_QUARANTINE`]: text,
      [`${NAME}_LINK_QUARANTINE_HALF`]: String(Number(text) * 500),
    }),
  },
  {
    name: `${NAME}_TABLE_SIZE`,
    default: "64m",
    directive: "js_shared_dict_zone",
    meaning:
      "Size of each of the two zones that hold the table; 64m is enough for 200,000 accounts. A change is a restart for the table: 503 until it is loaded anew.",
    isValid: isSize,
  },
  {
    name: `${NAME}_WORKERS`,
    default: "auto",
    directive: "worker_processes",
    meaning: "Number of workers, or `auto` for one per core.",
    isValid: text => /^(auto|[1-9]\d{0,2})$/.test(text),
  },
  {
    name: `${NAME}_USER`,
    default: "nobody nogroup",
    directive: "user",
    meaning: "User and group of the workers when NGINX is started as root; they must be able to read the token.",
    isValid: text => /^[\w.-]+( [\w.-]+)?$/.test(text),
  },
  {
    name: `${NAME}_DRAIN_TIMEOUT`,
    default: "60",
    directive: "worker_shutdown_timeout",
    meaning: "Seconds, 1 to 3600, that running requests get to end when NGINX stops or reloads.",
    isValid: text => parseSeconds(text, 3600) !== null,
  },
  {
    name: `${NAME}_ACCESS_LOG`,
    default: "<run dir>/access.log",
    directive: "access_log",
    meaning: "File of the access log, one JSON object a line.",
    isValid: isPath,
  },
  {
    name: `${NAME}_ERROR_LOG`,
    default: "<run dir>/error.log",
    directive: "error_log",
    meaning: "File of NGINX's own log, level warn.",
    isValid: isPath,
  },
  {
    name: `${NAME}_RUN_DIR`,
    default: "/run/linkgate",
    directive: "pid, client_body_temp_path and the like",
    meaning: "Folder of the gate's own for what it writes; made if it is missing.",
    isValid: isPath,
  },
  {
    name: `${NAME}_NGINX_COMMAND`,
    default: "nginx",
    directive: "read by the supervisor",
    meaning: "What runs NGINX: a path, or a command with arguments separated by blanks.",
    isValid: text => text !== "",
    render: NOT_IN_TEMPLATE,
  },
  {
    name: `${NAME}_NGINX_MODULES`,
    default: "/usr/lib/nginx/modules",
    directive: "load_module",
    meaning: "Folder of `ngx_http_js_module.so`.",
    isValid: isPath,
  },
  {
    name: `${NAME}_GATE_SCRIPT`,
    default: "<gate>/dist/gate.js",
    directive: "js_import",
    meaning: "The gate's bundle, made by `npm run build -w @linkgate/njs`.",
    isValid: isPath,
  },
  {
    name: `${NAME}_TEMPLATE`,
    default: "<gate>/../deploy/nginx/nginx.conf.template",
    directive: "read by the supervisor",
    meaning: "The template of the configuration.",
    isValid: isPath,
    render: NOT_IN_TEMPLATE,
  },
];

/**
 * Reads every setting of the NGINX gate from the environment, with its default where there is none.
 * @throws Error that names each that is missing or can't be used
 */
export function readSettings(env: Environment): SettingValues {
  return readValues(SETTINGS, env, { "<gate>": GATE_DIR }, values =>
    (values[`${NAME}_TLS_CERT_FILE`] === "") === (values[`${NAME}_TLS_KEY_FILE`] === "")
      ? []
      : [`${NAME}_TLS_CERT_FILE and ${NAME}_TLS_KEY_FILE must be given together`],
  );
}

/** What the template's placeholders stand for. */
export function renderSettings(values: SettingValues): Record<string, string> {
  return renderValues(SETTINGS, values);
}

function directive(name: string, value: string): string {
  return value === "" ? "" : `${name} ${value.startsWith("/") ? `"${value}"` : value};`;
}

/** A socket's path is quoted; an address may have a parameter behind it, which must not be. */
function renderListen(name: string): (text: string) => Record<string, string> {
  return text => ({ [name]: text.startsWith("unix:") ? `"${text}"` : text });
}

function lines(texts: readonly string[]): string {
  return texts.join("\n    ");
}

function splitList(text: string): string[] {
  return text === "" ? [] : text.split(",").map(part => part.trim());
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32));
  return version !== 0 && !address.includes("%") && isPrefix && rest.length === 0;
}
