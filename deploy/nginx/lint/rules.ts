import { countingFails, uncounted } from "./counting.ts";
import type { Configuration } from "./dump.ts";
import { unprovenFeed } from "./feed.ts";
import { isTooWide } from "./network.ts";
import type { Directive } from "./parse.ts";
import { type Finding, isGated, own, type Rule, touchesGate } from "./rule.ts";
import { findScopes, inForce, outward, parseTime, serverOf, valueInForce } from "./scope.ts";

const STATUS_HANDLER = /^[\w$]+\.(answerStatus|answerLiveness|answerReadiness)$/;
const PASSES = ["proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass", "tunnel_pass"];
const SUBREQUESTS = ["auth_request", "mirror", "add_before_body", "add_after_body", "slice"];

/** What every proxied request must be sent with. */
const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["host", "$host"],
  ["x-private-link-id", "$linkgate_link_id"],
  ["x-private-link-client", "$linkgate_client"],
  ["x-forwarded-for", "$remote_addr"],
  ["x-forwarded-host", "$host"],
  ["x-real-ip", "$remote_addr"],
  ["forwarded", ""],
  ["connection", ""],
  ["upgrade", ""],
];

const uncheckedPass: Rule = scope => {
  const handler = inForce(scope, "js_access").at(-1);
  return isGated(scope)
    ? []
    : own(scope, ...PASSES).map(at => ({
        rule: "unchecked-pass",
        at,
        text:
          handler === undefined
            ? `${at.name} without the gate's js_access: whoever asks for this location gets through`
            : `${at.name} behind js_access ${handler.args[0]}, which is not the gate's and replaces it`,
      }));
};

const satisfyAny: Rule = scope =>
  own(scope, "satisfy")
    .filter(({ args }) => args[0] !== "all")
    .map(at => ({ rule: "satisfy-any", at, text: "satisfy any: an allow or an auth_request takes the gate's place" }));

const earlyAnswer: Rule = (scope, world) => {
  if (!touchesGate(scope, world)) return [];
  const isDenial = ({ args }: Directive) => /^[45]\d\d$/.test(args[0] ?? "");
  return [
    ...own(scope, "return")
      .filter(at => !isDenial(at))
      .map(at => ({ rule: "early-answer", at, text: "return runs before the gate's check, which is then skipped" })),
    ...own(scope, "rewrite").map(at => ({
      rule: "early-answer",
      at,
      text: "rewrite runs before the gate's check: the gate judges the target that came, the service gets another",
    })),
  ];
};

const softenedDenial: Rule = (scope, world) =>
  !touchesGate(scope, world)
    ? []
    : own(scope, "error_page")
        .filter(({ args }) => args.some(arg => /^=/.test(arg)) && args.some(arg => /^(4\d\d|503)$/.test(arg)))
        .map(at => ({ rule: "softened-denial", at, text: "error_page gives a denial another status" }));

const forgedSource: Rule = scope => [
  ...own(scope, "real_ip_header")
    .filter(({ args }) => args[0] !== "proxy_protocol")
    .map(at => ({ rule: "forged-source", at, text: `real_ip_header ${at.args[0]}: a client writes its own address` })),
  ...own(scope, "real_ip_recursive")
    .filter(({ args }) => args[0] !== "off")
    .map(at => ({ rule: "forged-source", at, text: "real_ip_recursive reads addresses that clients write" })),
  ...own(scope, "set_real_ip_from")
    .filter(({ args }) => isTooWide(args[0] ?? ""))
    .map(at => ({ rule: "wide-trust", at, text: `set_real_ip_from ${at.args[0]} believes more than load balancers` })),
];

const forgedBalancer: Rule = scope =>
  scope.own
    .filter(
      ({ name, args }) => ["geo", "map", "split_clients"].includes(name) && args.at(-1) === "$linkgate_is_balancer",
    )
    .flatMap(at => [
      ...(at.name === "geo" && at.args[0] === "$realip_remote_addr"
        ? []
        : [{ rule: "forged-source", at, text: "$linkgate_is_balancer must be a geo of $realip_remote_addr" }]),
      ...(at.block ?? []).flatMap(entry => {
        if (entry.name === "default" && entry.args[0] === "0") return [];
        if (["proxy", "proxy_recursive"].includes(entry.name))
          return [{ rule: "forged-source", at: entry, text: `${entry.name} in geo reads X-Forwarded-For` }];
        return entry.name === "default" || isTooWide(entry.name)
          ? [{ rule: "wide-trust", at: entry, text: `${entry.name} believes more than load balancers` }]
          : [];
      }),
    ]);

const strangeHeaders: Rule = scope => [
  ...own(scope, "underscores_in_headers")
    .filter(({ args }) => args[0] !== "off")
    .map(at => ({
      rule: "strange-headers",
      at,
      text: "x_forwarded_for and x_private_link_id reach services, of which some read _ as -",
    })),
  ...own(scope, "ignore_invalid_headers")
    .filter(({ args }) => args[0] !== "on")
    .map(at => ({ rule: "strange-headers", at, text: "headers whose names are none reach services" })),
];

const clientHeaders: Rule = scope => {
  if (!isGated(scope) || own(scope, ...PASSES).length === 0) return [];
  const other = own(scope, ...PASSES).filter(({ name }) => name !== "proxy_pass");
  const isBare = valueInForce(scope, "proxy_pass_request_headers", "on") === "off";
  const set = inForce(scope, "proxy_set_header");
  const [at = scope.head] = set;
  const wanted = HEADERS.filter(([name]) => !isBare || name === "host");
  return [
    ...other.map(pass => ({
      rule: "client-headers",
      at: pass,
      text: `${pass.name} sends the client's copies of the gate's headers`,
    })),
    ...wanted.flatMap(([name, value]) => {
      const values = set.filter(({ args }) => args[0]?.toLowerCase() === name).map(({ args }) => args[1] ?? "");
      if (values.length > 0 && values.every(each => each === value)) return [];
      const sent = values.length === 0 ? "the client's own" : values.join(", ");
      return [{ rule: "client-headers", at, text: `${name} must be sent as "${value}"; here it is ${sent}` }];
    }),
  ];
};

const chosenUpstream: Rule = scope =>
  own(scope, "proxy_pass")
    .filter(({ args }) =>
      /\$\{?(http|arg|cookie|query_string|args|request_uri|uri|ssl_server_name)/.test(args[0] ?? ""),
    )
    .map(at => ({ rule: "chosen-upstream", at, text: "the client chooses where it goes: route by $linkgate_account" }));

/** NGINX's default key holds the address that the request goes to, and so the account. */
const sharedCache: Rule = scope =>
  own(scope, "proxy_cache_key")
    .filter(({ args }) => !/\$\{?(linkgate_account|host)\b/.test(args[0] ?? ""))
    .map(at => ({
      rule: "shared-cache",
      at,
      text: "tenants share what is cached: put $linkgate_account into the key",
    }));

const hiddenRequest: Rule = (scope, world) =>
  !touchesGate(scope, world)
    ? []
    : [...own(scope, ...SUBREQUESTS), ...own(scope, "ssi").filter(({ args }) => args[0] === "on")]
        .filter(({ args }) => args[0] !== "off")
        .map(at => ({ rule: "hidden-request", at, text: `${at.name} makes subrequests, which the gate does not see` }));

const overwrittenVerdict: Rule = scope =>
  scope.own
    .filter(({ name }) => ["set", "js_set", "map", "geo"].includes(name))
    .filter(({ name, args }) => {
      const variable = name === "map" || name === "geo" ? args.at(-1) : args[0];
      return /^\$linkgate_(verdict|reason|account|client|link_id)$/.test(variable ?? "");
    })
    .map(at => ({ rule: "overwritten-verdict", at, text: `only the gate may write ${at.args.at(-1)}` }));

const oldConnection: Rule = (scope, { gated, quarantineMs }) => {
  if (scope.kind !== "server" || !gated.some(each => serverOf(each) === scope)) return [];
  const times = { keepalive_time: "1h", keepalive_timeout: "75s" };
  return Object.entries(times)
    .map(([name, fallback]) => ({ name, value: valueInForce(scope, name, fallback), at: inForce(scope, name).at(-1) }))
    .filter(({ value }) => !(parseTime(value) <= quarantineMs))
    .map(({ name, value, at }) => ({
      rule: "old-connection",
      at: at ?? scope.head,
      text: `${name} ${value} is longer than LINKGATE_LINK_QUARANTINE (${quarantineMs / 1000} s), after which a link may be another's`,
    }));
};

const exposedStatus: Rule = scope => {
  if (scope.kind !== "server") return [];
  return own(scope, "listen")
    .filter(({ args }) => /^(\d+|\*:\d+|0\.0\.0\.0:\d+|\[::\](:\d+)?|0\.0\.0\.0|\*)$/.test(args[0] ?? ""))
    .map(at => ({
      rule: "exposed-status",
      at,
      text: `the status page answers on every address (listen ${at.args[0]})`,
    }));
};

const plainHttp2: Rule = (scope, world) => {
  if (scope.kind !== "server" || !touchesGate(scope, world)) return [];
  const isOn = valueInForce(scope, "http2", "off") === "on";
  return own(scope, "listen")
    .filter(({ args }) => !args.includes("ssl") && !args.includes("quic") && (isOn || args.includes("http2")))
    .map(at => ({ rule: "plain-http2", at, text: "HTTP/2 without TLS is refused by design (h2c)" }));
};

const storedTable: Rule = scope =>
  own(scope, "js_shared_dict_zone")
    .filter(({ args }) => args.some(arg => /^zone=lg_/.test(arg)))
    .flatMap(at =>
      at.args
        .filter(arg => /^(state=|timeout=|evict$)/.test(arg))
        .map(arg => ({
          rule: "stored-table",
          at,
          text: `${arg}: what the gate keeps is never restored, and never lost silently`,
        })),
    );

const engine: Rule = (scope, world) => {
  if (!touchesGate(scope, world)) return [];
  const wrong = own(scope, "js_engine").filter(({ args }) => args[0] !== "qjs");
  const isMissing = scope.kind === "http" && own(scope, "js_engine").length === 0;
  const text = "the gate is written and tested for js_engine qjs";
  return [...wrong, ...(isMissing ? [scope.head] : [])].map(at => ({ rule: "engine", at, text }));
};

const RULES: readonly Rule[] = [
  uncheckedPass,
  satisfyAny,
  earlyAnswer,
  softenedDenial,
  forgedSource,
  forgedBalancer,
  strangeHeaders,
  clientHeaders,
  chosenUpstream,
  sharedCache,
  hiddenRequest,
  overwrittenVerdict,
  oldConnection,
  plainHttp2,
  storedTable,
  engine,
  uncounted,
  countingFails,
  unprovenFeed,
];

/**
 * Looks for the mistakes that would open a hole in a configuration with the gate; each mistake once, outer blocks first.
 * `stream` is not looked at: whatever it passes on has not been through the gate.
 */
export function findMistakes({ directives, missing }: Configuration): Finding[] {
  const found: { rule: string; at: Directive; text: string }[] = missing.map(({ directive, path }) => ({
    rule: "missing-include",
    at: directive,
    text: `${path} is not in this dump: lint the output of nginx -T`,
  }));
  const http = directives.filter(({ name }) => name === "http");
  const scopes = http.flatMap(findScopes);
  const gated = scopes.filter(scope => isGated(scope));
  const quarantineMs = parseTime(readEnv(directives, "LINKGATE_LINK_QUARANTINE"));
  const hasSecureFeed = readEnv(directives, "LINKGATE_FEED_URL").startsWith("https:");
  const world = { scopes, gated, quarantineMs, hasSecureFeed };
  if (gated.length === 0) {
    const [at = { name: "", args: [], block: null, file: directives[0]?.file ?? "configuration", line: 1 }] = http;
    found.push({ rule: "no-gate", at, text: "no location has the gate's js_access" });
  }
  for (const scope of scopes) {
    for (const rule of RULES) found.push(...rule(scope, world));
    const shows = scope.own.some(({ name, args }) => name === "js_content" && STATUS_HANDLER.test(args[0] ?? ""));
    const server = shows ? outward(scope).find(each => each.kind === "server") : undefined;
    if (server !== undefined) found.push(...exposedStatus(server, world));
  }
  const findings = found.map(({ rule, at, text }) => ({ rule, file: at.file, line: at.line, text }));
  return [...new Map(findings.map(finding => [JSON.stringify(finding), finding])).values()];
}

/** What `env NAME=value;` says; empty, which is no time and no URL, if it is not there. */
function readEnv(directives: readonly Directive[], name: string): string {
  const env = directives.find(each => each.name === "env" && each.args[0]?.startsWith(`${name}=`));
  return env?.args[0]?.slice(name.length + 1) ?? "";
}
