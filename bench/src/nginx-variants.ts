import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SOURCE_HEADER } from "./authorizer.ts";
import { linksOf, nameAccount } from "./feed.ts";
import type { World } from "./gate.ts";

/** A way to run the gate's own configuration, so that nothing but the check differs. */
export interface NginxVariant {
  readonly name: string;
  /** True for the gate itself, which gets the table from the feed. */
  readonly isLinkgate?: boolean;
  /** Whom it asks at each request. */
  readonly asks?: "authorizer" | "decider";
  /** Makes this variant's template from the gate's. Throws if the gate's has lost what it replaces. */
  change(template: string, world: World): string;
}

const CALLS = fileURLToPath(new URL("nginx-calls.js", import.meta.url));
const CHECK = /^ *js_access gate\.check(Direct|Proxy|Public);$/gm;

/** The gate, and what people would use instead; the first is what the others are compared with. */
export const NGINX_VARIANTS: readonly NginxVariant[] = [
  { name: "no check", change: template => replaceChecks(template, "") },
  {
    name: "js_access that returns at once",
    change: (template, { folder }) => {
      const script = join(folder, "noop.js");
      writeFileSync(script, "function check(r) {}\nexport default { check };\n");
      return beforeImport(replaceChecks(template, "js_access noop.check;"), `js_import noop from ${script};`);
    },
  },
  {
    name: "js_access with the calls alone",
    change: (template, { accounts }) => {
      const called = template
        .replace(CHECK, "      js_access calls.check;")
        .replace("gate.countRequest", "calls.count");
      return beforeImport(called, `js_import calls from ${CALLS};`).replace(
        /^env /m,
        `env BENCH_ACCOUNTS=${accounts};\nenv `,
      );
    },
  },
  { name: "Linkgate", isLinkgate: true, change: template => template },
  {
    name: "auth_request to a service that says yes",
    asks: "authorizer",
    change: (template, { authorizer }) => replaceChecksByQuestion(template, `unix:${authorizer.socket}`),
  },
  {
    name: "auth_request to a service that decides",
    asks: "decider",
    change: (template, { decider }) => replaceChecksByQuestion(template, `127.0.0.1:${decider.port}`),
  },
  {
    name: "map in the configuration",
    change: (template, { folder, accounts }) => {
      // A row for each account and link, as configuration management would write it, and the same two headers.
      const rows = join(folder, "links.map");
      const lines = Array.from({ length: accounts }, (_, n) => linksOf(n).map(link => `${keyOf(n, link)} ${link};\n`));
      writeFileSync(rows, lines.flat().join(""));
      const maps = `map_hash_max_size 1048576; map_hash_bucket_size 128;
  map "$remote_addr $host" $links_key { "~^fd[4-7][0-9a-f]:(?<links_id>[0-9a-f]+:[0-9a-f]+):.* (?<links_account>[a-z0-9-]+)\\.privatelink\\.azurehealthcareapis\\.com$" "$links_account/$links_id"; default ""; }
  map $links_key $links_link { include ${rows}; default ""; }
  map $links_link $links_denied { "" 1; default ""; }`;
      const checked = replaceChecks(template, "if ($links_denied) { return 403; }");
      return beforeImport(
        checked.replaceAll("x-private-link-id $linkgate_link_id", "x-private-link-id $links_link"),
        maps,
      );
    },
  },
];

/** Account and link as the map finds them: the link as the third to sixth byte of a source address are written. */
function keyOf(n: number, link: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(link);
  return `${nameAccount(n)}/${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`;
}

function beforeImport(template: string, text: string): string {
  return template.replace("  js_import gate ", () => `  ${text}\n  js_import gate `);
}

/** Asks over connections that are kept. */
function replaceChecksByQuestion(template: string, authorizer: string): string {
  const question = `auth_request /authorize;
      auth_request_set $linkgate_link_id $upstream_http_x_private_link_id;
      auth_request_set $linkgate_client $upstream_http_x_private_link_client;
      location = /authorize {
        internal;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header ${SOURCE_HEADER} $remote_addr;
        proxy_pass http://authorizer$request_uri;
      }`;
  const upstream = `upstream authorizer { server ${authorizer}; keepalive 64; }`;
  return beforeImport(replaceChecks(template, question), upstream);
}

function replaceChecks(template: string, by: string): string {
  if ((template.match(CHECK) ?? []).length !== 3)
    throw new Error("the template no longer has one js_access a listener");
  return template.replace(CHECK, () => `      ${by}`).replace("$linkgate_counted';", "';"); // they count nothing, either
}
