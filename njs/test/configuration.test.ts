import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readSettings, renderSettings, SETTINGS } from "../supervisor/settings.ts";
import { renderTemplate } from "../supervisor/template.ts";

const read = (name: string) => readFileSync(new URL(`../../deploy/nginx/${name}`, import.meta.url), "utf8");
const TEMPLATE = read("nginx.conf.template");
const README = read("README.md");

const REQUIRED = {
  LINKGATE_FEED_URL: "http://127.0.0.1:9",
  LINKGATE_GATE_NAME: "gate",
  LINKGATE_FEED_TOKEN_FILE: "/token",
  LINKGATE_UPSTREAM: "http://$linkgate_account.fhir.svc.cluster.local:8080",
};

/** The template with every setting at its default. */
const rendered = renderTemplate(TEMPLATE, renderSettings(readSettings(REQUIRED)));

describe("settings, template and README", () => {
  const rows = new Map(
    [...README.matchAll(/^\| `(LINKGATE_[A-Z_]+)` \| (.*?) \| (.*?) \| (.*?) \|$/gm)].map(row => [
      row[1],
      row.slice(2),
    ]),
  );

  test.for(SETTINGS)("$name stands in the README with its default, its directive and its meaning", setting => {
    const wanted = [
      setting.default === null ? "must be given" : setting.default === "" ? "none" : `\`${setting.default}\``,
      setting.directive,
      setting.meaning,
    ];
    expect(rows.get(setting.name)).toEqual(wanted);
  });

  test("the README has no other rows", () => {
    expect([...rows.keys()].sort()).toEqual(SETTINGS.map(setting => setting.name).sort());
  });

  test.for(SETTINGS.filter(setting => !setting.directive.startsWith("read by")))(
    "$name is in the template",
    setting => {
      const directives = setting.directive.match(/[a-z]+(_[a-z]+)+|\b(env|user|pid|listen|resolver|geo)\b/g) ?? [];
      expect(directives.length).toBeGreaterThan(0);
      const placeholders = Object.keys(setting.render?.("1") ?? { [setting.name]: "" });
      for (const name of placeholders) expect(TEMPLATE).toContain(`\${${name}}`);
    },
  );
});

describe("a strict template", () => {
  /** A placeholder as it stands in a template. */
  const slot = (name: string) => `\${${name}}`;
  const SLOT = slot("LINKGATE_A");

  test("renders names, and leaves NGINX's variables alone", () => {
    expect(renderTemplate(`a ${SLOT} $host;`, { LINKGATE_A: "1" })).toBe("a 1 $host;");
  });

  test.for([...["LINKGATE_B", "host", "linkgate_a", "", " LINKGATE_A "].map(slot), SLOT.slice(0, -1)])(
    "refuses %s",
    text => {
      expect(() => renderTemplate(`${SLOT} ${text}`, { LINKGATE_A: "1" })).toThrow("which is no setting");
    },
  );

  test("refuses a value that it does not use", () => {
    expect(() => renderTemplate("", { LINKGATE_A: "1" })).toThrow("does not use LINKGATE_A");
  });

  test("does not render what a value brings in", () => {
    expect(renderTemplate(SLOT, { LINKGATE_A: "$host" })).toBe("$host");
  });
});

describe("what a setting may be", () => {
  const refused: Record<string, string[]> = {
    LINKGATE_FEED_URL: ["", "ftp://a", "http://a b", "http://a;", "http://a?b=c", "http://a/{", "feed"],
    LINKGATE_UPSTREAM: [
      "",
      "http://",
      "https://a",
      "http://a/b",
      "http://$host",
      "http://a;",
      "http://a b",
      "a",
      "http://unix:/a$b",
    ],
    LINKGATE_DIRECT_LISTEN: ["", "8080", "a:1", "[::]:8080 proxy_protocol", "[::]:8080; include x", "[::]:8080 ssl"],
    LINKGATE_LOAD_BALANCERS: ["all", "10.0.0.0/33", "10.0.0.0/8/8", "fe80::1%1", "10.0.0.1;", "unix:"],
    LINKGATE_MAX_TABLE_AGE: ["0", "-1", "1.5", "604801", "1h", ""],
    LINKGATE_TABLE_SIZE: ["0", "64", "64g", "64m;"],
    LINKGATE_LINK_TLV: ["", "on", "OFF"],
    LINKGATE_RUN_DIR: ["", "run", "/run;", "/run{", "/run$a", '/run"', "/run\n"],
    LINKGATE_USER: ["", "root;", "a b c"],
    LINKGATE_ZONES: ["", "a", "a/b/c", "a/a", "A/b", "a/b;"],
    LINKGATE_WORKERS: ["0", "-1", "auto;", "many"],
    LINKGATE_FEED_RESOLVER: ["127.0.0.1;", "127.0.0.1 x=y"],
    LINKGATE_TLS_CERT_FILE: ["tls.crt", "/run/$ssl_server_name.crt", '/run/"'],
  };
  for (const [name, values] of Object.entries(refused)) {
    test.for(values)(`${name} can't be %j`, value => {
      expect(() => readSettings({ ...REQUIRED, [name]: value })).toThrow(name);
    });
  }

  test.for(["LINKGATE_TLS_CERT_FILE", "LINKGATE_TLS_KEY_FILE"])("%s can't be given alone", name => {
    expect(() => readSettings({ ...REQUIRED, [name]: "/a" })).toThrow("must be given together");
  });

  const accepted: Record<string, string[]> = {
    LINKGATE_FEED_URL: ["https://feed.example.com/base/", "http://[::1]:80", "http://127.0.0.1:8080"],
    LINKGATE_UPSTREAM: [
      "http://unix:/tmp/x/$linkgate_account.sock",
      "http://127.0.0.1:8080",
      "http://[::1]:80",
      "http://fhir",
    ],
    LINKGATE_DIRECT_LISTEN: ["[::]:8080", "[::]:8080 ipv6only=off", "127.0.0.1:1", "*:80", "unix:/run/a.sock"],
    LINKGATE_LOAD_BALANCERS: ["", "10.0.0.0/8", "10.0.0.1, fd00::/8"],
    LINKGATE_RESOLVER: ["", "127.0.0.1:5353 ipv6=off", "[::1]", "kube-dns.kube-system.svc.cluster.local valid=5s"],
  };
  for (const [name, values] of Object.entries(accepted)) {
    test.for(values)(`${name} can be %j`, value => {
      expect(readSettings({ ...REQUIRED, [name]: value })[name]).toBe(value);
    });
  }
});

// What njs-spike found to lead past a gate: a lint over the configuration as NGINX reads it.
describe("no way past the gate", () => {
  const text = rendered.replace(/^\s*#.*$/gm, "").replace(/ # .*$/gm, "");
  const locations = [...text.matchAll(/location ([^{]+?) \{([^{}]*)\}/g)].map(([, name = "", body = ""]) => ({
    name,
    body,
  }));

  test("every location that has an upstream asks the gate", () => {
    const proxied = locations.filter(({ body }) => body.includes("proxy_pass "));
    expect(proxied.map(({ name }) => name)).toEqual([
      "/",
      "@linkgate_health",
      "/",
      "@linkgate_health",
      "/",
      "@linkgate_health",
    ]);
    for (const { body } of proxied) expect(body).toMatch(/^\s*(satisfy all;)?\s*js_access gate\.check\w+;/);
  });

  test("every way to the tenants says satisfy all", () => {
    for (const { body } of locations.filter(({ name, body: own }) => name === "/" && own.includes("proxy_pass"))) {
      expect(body).toContain("satisfy all;");
    }
  });

  test.for([
    "error_page",
    "satisfy any",
    "auth_request",
    "try_files",
    "rewrite ",
    "proxy_intercept_errors on",
    "reuseport",
    "evict",
    "state=",
  ])("there is no %s", word => {
    expect(text).not.toContain(word);
  });

  test("a return stands in the status server alone, and there are no http2 and no underscores", () => {
    expect(text.match(/\breturn\b/g)).toEqual(["return"]);
    expect(text).toContain("underscores_in_headers off;");
    expect(text).not.toMatch(/http2|http3|quic/);
    expect(text).toContain("js_engine qjs;");
  });

  test("a health check takes no header of the client along", () => {
    const health = locations.filter(({ name }) => name === "@linkgate_health");
    expect(new Set(health.map(({ body }) => body)).size).toBe(1);
    for (const { body } of health) {
      expect(body).toContain("proxy_pass_request_headers off;");
      expect(body).toContain("proxy_pass_request_body off;");
    }
  });
});
