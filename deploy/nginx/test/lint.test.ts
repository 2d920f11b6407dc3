import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSettings, renderSettings } from "../../../njs/supervisor/settings.ts";
import { renderTemplate } from "../../../njs/supervisor/template.ts";
import { readDump } from "../lint/dump.ts";
import { parseConfiguration } from "../lint/parse.ts";
import { findMistakes } from "../lint/rules.ts";
import { parseTime } from "../lint/scope.ts";

const template = readFileSync(join(import.meta.dirname, "../nginx.conf.template"), "utf8");
const settings = readSettings({
  LINKGATE_FEED_URL: "https://feed.example",
  LINKGATE_GATE_NAME: "gate",
  LINKGATE_FEED_TOKEN_FILE: "/run/token",
  LINKGATE_UPSTREAM: "http://$linkgate_account.fhir.svc.cluster.local:8080",
  LINKGATE_LOAD_BALANCERS: "10.1.2.0/24,fd00:1:2:3::/64",
});
const ours = renderTemplate(template, renderSettings(settings));
const withTls = renderTemplate(
  template,
  renderSettings({ ...settings, LINKGATE_TLS_CERT_FILE: "/run/tls.crt", LINKGATE_TLS_KEY_FILE: "/run/tls.key" }),
);

function lint(text: string): string[] {
  return findMistakes(readDump(text, "nginx.conf")).map(({ rule }) => rule);
}

/** Changes the text. @throws Error when there is nothing to change, with which a test would show nothing */
function change(from: string | RegExp, to: string): string {
  const changed = ours.replace(from, () => to);
  if (changed === ours) throw new Error(`nothing to change: ${from}`);
  return changed;
}

const GATED = "js_access gate.checkDirect;";
const inLocation = (text: string) => change(GATED, `${GATED}\n${text}`);
const inServer = (text: string) => change("set $linkgate_listener direct;", `set $linkgate_listener direct;\n${text}`);
const inHttp = (text: string) => change("js_engine qjs;", `js_engine qjs;\n${text}`);

test("our own configuration is clean", () => {
  expect(findMistakes(readDump(ours, "nginx.conf"))).toEqual([]);
});

test("and so it is with a feed by http, to which connections are kept", () => {
  const text = renderTemplate(template, renderSettings({ ...settings, LINKGATE_FEED_URL: "http://127.0.0.1:1" }));
  expect(text).toContain("js_fetch_keepalive 2;");
  expect(lint(text)).toEqual([]);
});

test("and so it is with TLS, which every listener for requests then speaks", () => {
  expect(findMistakes(readDump(withTls, "nginx.conf"))).toEqual([]);
  expect(withTls.match(/listen .* ssl;\n +http2 on;/g)).toHaveLength(3);
  expect(lint(withTls.replace("proxy_protocol ssl;", "proxy_protocol;"))).toEqual(["plain-http2"]);
});

describe("mistakes", () => {
  const unset = ["host", "connection", "upgrade", "forwarded"].map(name => `proxy_set_header ${name} "";`).join("\n");
  test.for<[what: string, text: string, rules: string[]]>([
    ["satisfy any in the location", change("satisfy all;", "satisfy any;\nallow all;"), ["satisfy-any"]],
    ["satisfy any around", inHttp("satisfy any;"), ["satisfy-any"]],
    ["a location beside the gate", inServer("location /metadata { proxy_pass http://a; }"), ["unchecked-pass"]],
    [
      "a server beside the gate",
      inHttp("server { listen 81; location / { proxy_pass http://a; } }"),
      ["unchecked-pass"],
    ],
    ["a pass of another kind", inServer("location /x { grpc_pass a; }"), ["unchecked-pass"]],
    ["a pass in an if", inServer("location /x { if ($arg_x) { proxy_pass http://a; } }"), ["unchecked-pass"]],
    [
      "js_access that replaces the gate's",
      inLocation("location /x { js_access other.check; proxy_pass http://a; }"),
      ["unchecked-pass"],
    ],
    ["js_access of another function", change(GATED, "js_access gate.admitAll;"), ["unchecked-pass"]],
    ["no js_access", change(GATED, ""), ["unchecked-pass"]],
    ["return", inLocation('return 200 "ok";'), ["early-answer"]],
    ["return without a status", inServer("return https://elsewhere.example;"), ["early-answer"]],
    ["return in an if", inLocation("if ($request_method = OPTIONS) { return 204; }"), ["early-answer"]],
    ["rewrite ... last", inServer("rewrite ^/old/(.*) /new/$1 last;"), ["early-answer"]],
    ["rewrite ... break", inLocation("rewrite ^/x /health/check break;"), ["early-answer"]],
    ["error_page with =200", inHttp("error_page 403 =200 /sorry;"), ["softened-denial"]],
    ["error_page with =", inServer("error_page 400 403 503 = @sorry;"), ["softened-denial"]],
    ["real_ip_header of a header", inHttp("real_ip_header X-Forwarded-For;"), ["forged-source"]],
    [
      "real_ip_header in the server",
      change("real_ip_header proxy_protocol;", "real_ip_header X-Real-IP;"),
      ["forged-source"],
    ],
    ["real_ip_recursive", inHttp("real_ip_recursive on;"), ["forged-source"]],
    ["set_real_ip_from everybody", inServer("set_real_ip_from 0.0.0.0/0;"), ["wide-trust"]],
    [
      "set_real_ip_from everybody, IPv6",
      change("set_real_ip_from fd00:1:2:3::/64;", "set_real_ip_from ::/0;"),
      ["wide-trust"],
    ],
    ["set_real_ip_from a private network", inServer("set_real_ip_from 10.0.0.0/8;"), ["wide-trust"]],
    ["set_real_ip_from a name", inServer("set_real_ip_from balancer.example;"), ["wide-trust"]],
    ["everybody a balancer", change("default 0;", "default 1;"), ["wide-trust"]],
    ["a whole network of balancers", change("10.1.2.0/24 1;", "0.0.0.0/0 1;"), ["wide-trust"]],
    [
      "balancers by a header",
      change("geo $realip_remote_addr $linkgate_is_balancer", "geo $http_x_real_ip $linkgate_is_balancer"),
      ["forged-source"],
    ],
    ["balancers through proxies", change("default 0;", "default 0;\nproxy 10.1.2.0/24;"), ["forged-source"]],
    [
      "underscores_in_headers",
      change("underscores_in_headers off;", "underscores_in_headers on;"),
      ["strange-headers"],
    ],
    [
      "ignore_invalid_headers off",
      change("ignore_invalid_headers on;", "ignore_invalid_headers off;"),
      ["strange-headers"],
    ],
    ["js_engine njs", change("js_engine qjs;", "js_engine njs;"), ["engine"]],
    ["no js_engine", change("js_engine qjs;", ""), ["engine"]],
    ["a proxy_set_header of one's own", inLocation("proxy_set_header X-Mine 1;"), Array(9).fill("client-headers")],
    ["some of the headers", inLocation(unset), Array(6).fill("client-headers")],
    [
      "the client's chain of addresses",
      change(
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
      ),
      ["client-headers"],
    ],
    [
      "the client's Host",
      change("proxy_set_header X-Forwarded-Host $host;", "proxy_set_header X-Forwarded-Host $http_host;"),
      ["client-headers"],
    ],
    [
      "one header twice",
      change(
        'proxy_set_header Forwarded "";',
        'proxy_set_header Forwarded "";\nproxy_set_header Forwarded $http_forwarded;',
      ),
      ["client-headers"],
    ],
    ["grpc behind the gate", inLocation("location /grpc { grpc_pass a; }"), ["client-headers"]],
    [
      "an upstream that the client names",
      change(/proxy_pass "?http:\/\/\$linkgate_account.fhir/, 'proxy_pass "http://$http_x_account.fhir'),
      ["chosen-upstream"],
    ],
    ["a cache for all", inLocation("proxy_cache all;\nproxy_cache_key $request_uri;"), ["shared-cache"]],
    ["auth_request", inLocation("auth_request /auth;"), ["hidden-request"]],
    ["mirror", inLocation("mirror /mirror;"), ["hidden-request"]],
    ["ssi", inHttp("ssi on;"), ["hidden-request"]],
    ["set of the account", inServer("set $linkgate_account contoso;"), ["overwritten-verdict"]],
    ["map of the client", inHttp("map $http_x $linkgate_client { default x; }"), ["overwritten-verdict"]],
    ["keepalive_time beyond the quarantine", change(/keepalive_time \w+;/, "keepalive_time 61s;"), ["old-connection"]],
    ["no keepalive_time", change(/keepalive_time \w+;/, ""), Array(3).fill("old-connection")],
    ["keepalive_timeout beyond the quarantine", inServer("keepalive_timeout 2m;"), ["old-connection"]],
    [
      "a quarantine that nobody knows",
      change(/env "LINKGATE_LINK_QUARANTINE=\d+";/, ""),
      Array(2).fill("old-connection"),
    ],
    ["the status page for everybody", change("listen 127.0.0.1:8082;", "listen 8082;"), ["exposed-status"]],
    ["the status page for everybody, IPv6", change("listen 127.0.0.1:8082;", "listen [::]:8082;"), ["exposed-status"]],
    ["HTTP/2 without TLS", inServer("http2 on;"), ["plain-http2"]],
    ["a table on disk", change("type=string;", "type=string state=/var/lib/table;"), ["stored-table"]],
    [
      "a table that forgets",
      change("type=string;", "type=string evict timeout=60s;"),
      ["stored-table", "stored-table"],
    ],
    ["no access log", inLocation("access_log off;"), ["uncounted"]],
    ["a log of one's own", inServer("access_log /var/log/mine.log combined;"), ["uncounted"]],
    ["a log of some requests", change('access.log" linkgate;', 'access.log" linkgate if=$arg_log;'), ["uncounted"]],
    ["a format without the count", change("}$linkgate_counted'", "}'"), ["uncounted"]],
    ["counted twice", change("gate.countRequest;", "gate.countRequest nocache;"), ["counting-fails"]],
    ["counted under another name", inHttp("js_set $mine gate.countRequest;"), ["counting-fails"]],
    ["the count made by something else", change("gate.countRequest;", "mine.count;"), ["counting-fails"]],
    ["counted before the answer", inLocation("add_header x-counted $linkgate_counted;"), ["counting-fails"]],
    ["counted by a map", inHttp("map $linkgate_counted $x { default 1; }"), ["counting-fails"]],
    ["counted within a map", inHttp("map $uri $x { default a$linkgate_counted; }"), ["counting-fails"]],
    ["a feed whose certificate nobody looks at", inHttp("js_fetch_verify off;"), ["unproven-feed"]],
    [
      "connections kept to a feed by https",
      change("js_fetch_timeout 12s;", "js_fetch_timeout 12s;\njs_fetch_keepalive 2;"),
      ["unproven-feed"],
    ],
    ["counts that are lost", change("type=number;", "type=number evict timeout=1s;"), ["stored-table", "stored-table"]],
    ["no gate at all", "events {} http { server { listen 80; root /srv; } }", ["no-gate"]],
    ["a file that is not there", inHttp("include more.conf;"), ["missing-include"]],
  ])("%s", ([, text, rules]) => {
    expect(lint(text)).toEqual(rules);
  });

  test.for([
    ["a nested location", inLocation("location /x { proxy_pass http://$linkgate_account; }")],
    ["a denial before the check", inLocation("if ($request_method = DELETE) { return 405; }")],
    [
      "another server that answers itself",
      inHttp("server { listen 127.0.0.1:81; return 301 https://elsewhere.example; }"),
    ],
    ["an error_page that keeps the status", inHttp("error_page 502 /sorry.json;")],
    ["a cache with NGINX's own key", inLocation("proxy_cache all;")],
    ["a cache for each tenant", inLocation('proxy_cache all;\nproxy_cache_key "$linkgate_account$request_uri";')],
    ["HTTP/2 with TLS", inServer("http2 on;").replace("listen [::]:8080 ipv6only=off;", "listen [::]:8080 ssl;")],
    ["a log of one's own beside ours", inLocation("access_log /a.log linkgate;\naccess_log /b.log combined;")],
    [
      "a server without the gate that logs nothing",
      inHttp("server { listen 127.0.0.1:81; access_log off; return 404; }"),
    ],
    ["files that are no pattern's", inHttp("include conf.d/*.conf;")],
  ] as const)("%s is no mistake", ([, text]) => {
    expect(lint(text)).toEqual([]);
  });
});

describe("the output of nginx -T", () => {
  const dump = [
    "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok",
    "# configuration file /etc/nginx/nginx.conf:",
    ours.replace("js_engine qjs;", "js_engine qjs;\ninclude conf.d/*.conf;"),
    "",
    "# configuration file /etc/nginx/conf.d/more.conf:",
    "server {",
    "  listen 81;",
    "  location / {",
    "    proxy_pass http://a;",
    "  }",
    "}",
    "",
  ].join("\n");

  test("a mistake in an included file is found where it stands", () => {
    expect(findMistakes(readDump(dump, "stdin"))).toEqual([
      {
        rule: "unchecked-pass",
        file: "/etc/nginx/conf.d/more.conf",
        line: 4,
        text: "proxy_pass without the gate's js_access: whoever asks for this location gets through",
      },
    ]);
  });

  test("what stands around an include holds in it", () => {
    const nested = dump.replace("include conf.d/*.conf;", "").replace(GATED, `${GATED}\ninclude conf.d/more.conf;`);
    const location = nested.replace(/server \{\n {2}listen 81;\n {2}location \/ \{([^}]*)\}\n\}/, "location /x {$1}");
    expect(lint(location)).toEqual([]);
  });
});

describe("syntax", () => {
  const parse = (text: string) => parseConfiguration(text, "f");

  test("words, quotes, escapes, variables, comments", () => {
    const [directive] = parse(`a b"c 'd e' "f \\"g\\" ; {" \${h}i j\\;# k\n # l ;\n "m#";`);
    expect(directive).toEqual({
      name: "a",
      args: ['b"c', "d e", 'f "g" ; {', "$" + "{h}i", "j\\"],
      block: null,
      file: "f",
      line: 1,
    });
  });

  test("blocks and lines", () => {
    const [a] = parse("a {\n  b;\n  c {\n  }\n}");
    expect(a?.block?.map(({ name, line, block }) => [name, line, block])).toEqual([
      ["b", 2, null],
      ["c", 3, []],
    ]);
  });

  test.for([
    ["a {", 'f:1: the block of "a" has no end'],
    ["a;\n}", 'f:2: a "}" too many'],
    ["a {\n b }", 'f:2: "b" has no end'],
    ["a;\nb", 'f:2: "b" has no end'],
    ["a;\n;", "f:2: a directive without a name"],
    ["a\n'b", "f:2: a quote without end"],
  ] as const)("%j: %s", ([text, message]) => {
    expect(() => parse(text)).toThrow(message);
  });

  test.for([
    ["60", 60_000],
    ["500ms", 500],
    ["1h30m", 5_400_000],
    ["1M", 2_592_000_000],
    ["x", Number.NaN],
    ["", Number.NaN],
  ] as const)("the time %s", ([text, milliseconds]) => {
    expect(parseTime(text)).toBe(milliseconds);
  });
});

describe("the command", () => {
  const run = (input: string, ...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "../lint.ts"), ...args], { input, encoding: "utf8" });

  test("ends with 0 and says nothing, or 1 and a line for each mistake", () => {
    expect(run(ours)).toMatchObject({ status: 0, stdout: "" });
    const { status, stdout } = run(change("satisfy all;", "satisfy any;"));
    const line =
      change("satisfy all;", "satisfy any;")
        .split("\n")
        .findIndex(each => each.includes("satisfy any;")) + 1;
    expect(status).toBe(1);
    expect(stdout).toBe(
      `stdin:${line}: [satisfy-any] satisfy any: an allow or an auth_request takes the gate's place\n`,
    );
  });

  test("reads a file", () => {
    const dir = mkdtempSync(join(tmpdir(), "lg-lint-"));
    const file = join(dir, "nginx.conf");
    writeFileSync(file, inHttp("ssi on;"));
    const { status, stdout } = run("", file);
    rmSync(dir, { recursive: true });
    expect(stdout).toMatch(new RegExp(`^${file}:\\d+: \\[hidden-request\\] `));
    expect(status).toBe(1);
  });

  test("ends with 2 for what can't be read", () => {
    expect(run("http {")).toMatchObject({ status: 2, stderr: 'stdin:1: the block of "http" has no end\n' });
    expect(run("", "/nowhere/nginx.conf").status).toBe(2);
  });
});
