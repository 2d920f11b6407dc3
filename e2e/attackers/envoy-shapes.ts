import type { Shape } from "./shapes.ts";

/**
 * What becomes of a shape at Envoy where it differs from the row: by `group: name`, or by group for all of one. Each follows from
 * a line of {@link gateReadings}, and the reference decision, which reads by those, must agree with it.
 */
const REFUSED = { owner: "refused", others: "denied" } as const;
const ADMITTED = { owner: "admitted", others: "denied" } as const;
const HEALTH = { owner: "health", others: "health" } as const;

/** Envoy's own 400, 404 or 426 to what NGINX makes sense of, or the filter's denial. */
const STRICTER = [
  // A header that Connection names would have to be taken away, and these are not to be chosen by clients.
  ...["forged headers", "forged headers of a health check"].flatMap(group => [
    `${group}: "Connection: x-private-link-id, x-private-link-client, x-forw..."`,
    `${group}: "no-colon"`,
    `${group}: "\xa0Host: contoso.privatelink.azurehealthcareapis.com"`,
  ]),
  `our own headers of a health check: "x-private-link-id"`,
  `spellings of the host: "contoso.privatelink.azurehealthcareapis.com:"`,
  "absolute targets",
  "HTTP/1.0",
  ...["/health%2fcheck", "/health/check#", "/health/check\xa0", "/health/che\xe7k"].map(
    target => `targets like a health check: "${target}"`,
  ),
  // A body of no bytes is none.
  ...["8", " 000008 "].map(
    length => `health checks with a body: "${length === "8" ? "Content-Length: 8" : `content-length: ${length}`}"`,
  ),
  ...[
    "Transfer-Encoding: chunked",
    "transfer-encoding:  CHUNKED ",
    "Transfer-Encoding: chunked | Trailer: x-private-link-id",
  ].map(lines => `health checks with a body: "${lines}"`),
];

/** Mended before anybody sees it, and judged and forwarded as mended. */
const MENDED = [
  ...[
    `X-Folded: a\\r\\n x-private-link-id: 822088585`,
    `X-Folded: a\\r\\n\\tb`,
    `X-Cr: a\\rHost: contoso.privatelink.azurehealthcareapis.com`,
    `X-Cr: a\\r\\rHost: contoso.privatelink.azurehealthcareapis.com`,
    "Host:",
    `Upgrade: h2c\\r\\nConnection: Upgrade, HTTP2-Settings\\r\\nHTTP2-Set...`,
  ].flatMap(line => [
    `header lines that are none: "${line}"`,
    `header lines that are none, of a health check: "${line}"`,
  ]),
  `hosts that are none: "\\tcontoso.privatelink.azurehealthcareapis.com\\t"`,
  `other methods: "GET\\t /~ HTTP/1.1"`,
  `targets that are none: "/health/check%zz"`,
  ...[
    `Transfer-Encoding: \\tchunked || 0\\r\\n\\r\\n<hidden>`,
    `Transfer-Encoding: |  chunked || 0\\r\\n\\r\\n<hidden>`,
    `X: x\\r\\n Transfer-Encoding: chunked || 0\\r\\n\\r\\n<hidden>`,
    `X: x\\rTransfer-Encoding: chunked || 0\\r\\n\\r\\n<hidden>`,
    `Transfer-Encoding: chunked || 3\\r\\n12345\\r\\n0\\r\\n\\r\\n<hidden>`,
    `Transfer-Encoding: chunked || 5\\r\\n1234567\\r\\n0\\r\\n\\r\\n<hidden>`,
  ].map(body => `bodies whose end is in doubt: "${body}"`),
];

/** Targets that Envoy makes `/health/check` of, and forwards as that. */
const NORMALIZED = [
  ...[
    "/health//check",
    "//health/check",
    "/./health/check",
    "/Patient/../health/check",
    "/Patient/%2e%2e/health/check",
  ],
  ...["/%68ealth/check", "/health/chec%6b", "/health\\\\check"],
].map(target => `targets like a health check: "${target}"`);

/** What becomes of the shape at a gate. */
export function outcomesOf(gate: string, shape: Shape): Pick<Shape, "owner" | "others"> {
  const names = [shape.group, `${shape.group}: ${shape.name}`];
  const isOneOf = (list: readonly string[]) => gate === "envoy" && names.some(name => list.includes(name));
  if (isOneOf(STRICTER)) return REFUSED;
  if (isOneOf(NORMALIZED)) return HEALTH;
  if (isOneOf(MENDED)) return shape.group.endsWith("of a health check") ? HEALTH : ADMITTED;
  return shape;
}
