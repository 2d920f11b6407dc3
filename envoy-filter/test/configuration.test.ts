import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { renderTemplate } from "../../njs/supervisor/template.ts";
import { readSettings, renderSettings, SETTINGS } from "../supervisor/settings.ts";

const read = (name: string) => readFileSync(new URL(`../../deploy/envoy/${name}`, import.meta.url), "utf8");
const BOOTSTRAP = read("envoy.yaml.template");
const LISTENERS = read("listeners.yaml.template");
const README = read("README.md");

const REQUIRED = {
  LINKGATE_FEED_URL: "https://feed.example.com/base/",
  LINKGATE_GATE_NAME: "gate",
  LINKGATE_FEED_TOKEN_FILE: "/token",
  LINKGATE_UPSTREAM: "http://$linkgate_account.fhir.svc.cluster.local:8080",
};

function render(changes: Record<string, string> = {}): string {
  const values = { ...renderSettings(readSettings({ ...REQUIRED, ...changes })), LINKGATE_LISTENERS_VERSION: "1" };
  return renderTemplate(BOOTSTRAP + LISTENERS, values);
}

describe("settings, templates and README", () => {
  test.for(SETTINGS)("$name stands in the README with its default, what it becomes and its meaning", setting => {
    const fallback =
      setting.default === null ? "must be given" : setting.default === "" ? "none" : `\`${setting.default}\``;
    expect(README).toContain(`| \`${setting.name}\` | ${fallback} | ${setting.directive} | ${setting.meaning} |`);
  });

  test("every setting is rendered, and nothing else", () => {
    expect(render()).not.toMatch(/\$\{/);
  });
});

describe("every listener for requests", () => {
  const managers = LISTENERS.split("http_connection_manager.v3.HttpConnectionManager").slice(1, -1);

  test("there are four: direct, proxy, what is no balancer, public", () => {
    expect(managers.length).toBe(4);
  });

  test.for([
    "use_remote_address: true",
    "xff_num_trusted_hops: 0",
    "skip_xff_append: true",
    "normalize_path: true",
    "path_with_escaped_slashes_action: REJECT_REQUEST",
    "failure_policy: FAIL_RELOAD",
    "drain_timeout:",
    "internal_address_config:",
  ])("has %s", wanted => {
    for (const manager of managers) expect(manager).toContain(wanted);
  });

  test("upgrades are not turned on", () => {
    expect(LISTENERS).not.toMatch(/upgrade_configs|original_ip_detection|allow_requests_without_proxy_protocol/);
  });
});

describe("what a setting becomes", () => {
  test("without load balancers nobody's PROXY header is believed", () => {
    expect(render()).toContain('direct_source_prefix_ranges: [{"address_prefix":"2001:db8::","prefix_len":128}]');
    const ranges = '[{"address_prefix":"10.0.0.0","prefix_len":8},{"address_prefix":"fd00::1","prefix_len":128}]';
    expect(render({ LINKGATE_LOAD_BALANCERS: "10.0.0.0/8, fd00::1" })).toContain(ranges);
  });

  test("a feed on https is checked by name", () => {
    const text = render();
    expect(text).toContain('"sni":"feed.example.com"');
    expect(text).toContain('{"san_type":"DNS","matcher":{"exact":"feed.example.com"}}');
    expect(text).toContain('"feedAuthority":"feed.example.com","feedPath":"/base"');
    expect(render({ LINKGATE_FEED_URL: "http://127.0.0.1:8080" })).not.toContain(
      "transport_sockets.tls.v3.UpstreamTlsContext",
    );
  });

  test("a connection's life and its drain together stay below the link quarantine (feed rule 28)", () => {
    const text = render({ LINKGATE_LINK_QUARANTINE: "2" });
    expect(text).toContain("max_connection_duration: 1.000s");
    expect(text).toContain("drain_timeout: 0.500s");
  });

  test("TLS wants certificate and key, in one folder; without them there is no HTTP/2", () => {
    const [certificate, key] = ["LINKGATE_TLS_CERT_FILE", "LINKGATE_TLS_KEY_FILE"];
    expect(render()).not.toMatch(/codec_type: AUTO|DownstreamTlsContext/);
    const text = render({ [certificate]: "/tls/tls.crt", [key]: "/tls/tls.key" });
    expect(text.match(/codec_type: AUTO/g)).toHaveLength(4);
    expect(text.match(/DownstreamTlsContext/g)).toHaveLength(4);
    expect(text).not.toContain("codec_type: HTTP1");
    for (const changes of [
      { [certificate]: "/tls/tls.crt" },
      { [key]: "/tls/tls.key" },
      { [certificate]: "/a/tls.crt", [key]: "/b/tls.key" },
    ])
      expect(() => readSettings({ ...REQUIRED, ...changes })).toThrow("together, in one folder");
  });

  const refused: Record<string, string[]> = {
    LINKGATE_UPSTREAM: ["", "http://unix:/a/$linkgate_account.sock", "https://a", "http://a b", 'http://a"'],
    LINKGATE_RESOLVER: ["kube-dns", "127.0.0.1", "127.0.0.1:53 ipv6=off"],
    LINKGATE_ADMIN_LISTEN: ["0.0.0.0:9901", "[::]:9901", "10.0.0.1:9901"],
    LINKGATE_DIRECT_LISTEN: ["[::]:8080 ipv6only=off", "*:80", "8080"],
    LINKGATE_RUN_DIR: ["run", '/run"'],
  };
  for (const [name, values] of Object.entries(refused)) {
    test.for(values)(`${name} can't be %j`, value => {
      expect(() => readSettings({ ...REQUIRED, [name]: value })).toThrow(name);
    });
  }
});
