// Writes target.json: `/health/check` and the ways of almost saying it. Run it after a change: `node core/cases/generate-targets.ts`.
import { writeFileSync } from "node:fs";

interface Target {
  name: string;
  target: string;
  method?: string;
  nginx?: { status: number; reason?: string };
}

const PATH = "/health/check";
const HOST = "contoso.privatelink.azurehealthcareapis.com";
/** NGINX itself answers 400: no request line, or a path that it can't read. */
const REFUSED = { status: 400 };
/** NGINX reads the request line, and its `$request_uri` is `/health/check` without what the client wrote around it. */
const TAKEN_APART = { status: 200, reason: "health-check" };

const healthChecks: Target[] = [
  { name: "the path itself", target: PATH },
  { name: "HEAD", target: PATH, method: "HEAD" },
  { name: "HEAD with a query", target: `${PATH}?a=b`, method: "HEAD" },
  ...["?", "?a", "?a=b&c=d", "??", "?/../..", "?%00", "?#", "?x=/health/check", "?a;b", "?a\\b"].map(query => ({
    name: `query ${query}`,
    target: PATH + query,
  })),
  { name: "nul in the query", target: `${PATH}?\0`, nginx: REFUSED },
];

const methods: Target[] = [
  ...["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "HEADS", "GETS"].map(method => ({
    name: `method ${method}`,
    target: PATH,
    method,
  })),
  ...["get", "Get", "head", "CONNECT", " GET", "GET\0"].map(method => ({
    name: `method ${JSON.stringify(method)}`,
    target: PATH,
    method,
    nginx: REFUSED,
  })),
  { name: "method TRACE", target: PATH, method: "TRACE", nginx: { status: 405 } },
  { name: "no method", target: PATH, method: "", nginx: REFUSED },
];

/** Each letter of the path encoded, encoded twice, as a capital, missing and doubled. */
const letters: Target[] = Array.from(PATH, (letter, at) => {
  const code = letter.charCodeAt(0).toString(16);
  const texts = [`%${code}`, `%${code.toUpperCase()}`, `%25${code}`, letter.toUpperCase(), "", letter + letter];
  return texts.map(text => ({
    name: `letter ${at} is ${JSON.stringify(text)}`,
    target: PATH.slice(0, at) + text + PATH.slice(at + 1),
  }));
}).flat();

const inserts =
  "/ // /./ /../ /x/../ /%2e/ /%2e%2e/ /.%2e/ /;/ /;x=y/ /..;/ /\\ \\ \\..\\ %2f %5c %09 %20 %00 %ff %c0%af %u002f ; : , * ~";
const joined: Target[] = inserts.split(" ").flatMap(insert => [
  { name: `${insert} between the parts`, target: `/health${insert}check` },
  { name: `${insert} in front`, target: `/${insert}health/check` },
  { name: `${insert} behind`, target: PATH + insert },
]);

const otherPaths = `/ /health /health/ /check /health/checks /health/check1 /health/checkpoint /health/check.json /healthcheck
/health-check /metadata /x/health/check /health/check/x /health/x/check /?/health/check /x?/health/check /health?/check
/Patient/../health/check /health/check/../../Patient /health/check/../Patient /health/check/..%2f..%2fPatient
/health/check;/../../Patient /health/check%3f /health/check%3F /health/check%23 /health/check&a=b /health/check!
/health/check' /health/check(1) /health/check@x /health/check# /health/check#x /health/check#?a=b /health#/check`;
const others: Target[] = [
  ...otherPaths.split(/\s/).map(target => ({ name: `path ${target}`, target })),
  ...["\u00e9", "\uff43", "\u0441", "\u200bc", "c\u0327"].map(letter => ({
    name: `${JSON.stringify(letter)} for c`,
    target: PATH.replace("c", letter),
  })),
  { name: "Kelvin sign for k", target: PATH.replace("k", "\u212a") },
  { name: "full-width solidus", target: "/health\uff0fcheck" },
  ...["http", "https", "HTTP"].map(scheme => ({
    name: `absolute form, ${scheme}`,
    target: `${scheme}://${HOST}${PATH}`,
    nginx: TAKEN_APART,
  })),
  { name: "absolute form with a query", target: `http://${HOST}${PATH}?a=b`, nginx: TAKEN_APART },
  { name: "absolute form of another path", target: `http://${HOST}/Patient` },
  { name: "no path", target: "" },
  { name: "asterisk form", target: "*" },
  { name: "authority form", target: `${HOST}:443` },
  { name: "space behind", target: `${PATH} `, nginx: TAKEN_APART },
  { name: "space and a word behind", target: `${PATH} x`, nginx: REFUSED },
  { name: "tab behind", target: `${PATH}\t`, nginx: REFUSED },
  { name: "nul behind", target: `${PATH}\0`, nginx: REFUSED },
  { name: "nul in the middle", target: "/health\0/check", nginx: REFUSED },
  { name: "4,000 letters behind", target: PATH + "k".repeat(4000) },
];

/** True if NGINX refuses the path: no slash in front, a nul or a broken escape in it, or it climbs above the root. */
function isRefusedByNginx(target: string): boolean {
  if (target.startsWith("http")) return false;
  const path = target.split("?")[0] ?? "";
  return !path.startsWith("/") || /%00|%u/.test(path) || /^\/\/(\.|%2e){2}\//.test(path);
}

/** A stranger from the public network asks a private host: only a health check gets through. */
function makeRow(row: Target, reason: string): object {
  const nginx = row.nginx ?? (isRefusedByNginx(row.target) ? REFUSED : undefined);
  return {
    name: row.name,
    host: HOST,
    ...(row.method === undefined ? {} : { method: row.method }),
    target: row.target,
    source: "2001:db8::7",
    entry: "enabled\t822088585\t1",
    reason,
    account: "contoso",
    ...(nginx === undefined ? {} : { nginx }),
  };
}

/** The text of target.json. */
export function renderTargets(): string {
  const lines = new Map<string, string>(); // by method and target: several of the ways come to the same
  function add(row: Target, reason: string): void {
    const key = `${row.method} ${row.target}`;
    if (!lines.has(key)) lines.set(key, JSON.stringify(makeRow(row, reason)));
  }
  for (const row of healthChecks) add(row, "health-check");
  for (const row of [...methods, ...letters, ...joined, ...others]) add(row, "not-private-link");
  return `[\n  ${[...lines.values()].join(",\n  ")}\n]\n`;
}

if (import.meta.main) writeFileSync(new URL("target.json", import.meta.url), renderTargets());
