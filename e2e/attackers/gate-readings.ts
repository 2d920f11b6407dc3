/**
 * Where two proxies may take the same bytes differently, both within the standards. The reference decision reads them as the
 * gate's proxy does, and each difference is named here with its reason: anything else is a disagreement.
 */
export interface GateReading {
  /** The target as the upstream gets it, which is what a gate must judge (design 3.2); null for one that the proxy refuses. */
  readonly readTarget: (target: string) => string | null;
  /** The proxy takes the port away itself, also one of no or of many digits (RFC 3986 3.2.3); else core does, which wants 1 to 5. */
  readonly dropsPort: boolean;
  /** What parts a request line: spaces alone, or whatever else RFC 9112 3 lets a recipient take for one. */
  readonly gap: string;
  /** An obs-fold is a blank (RFC 9112 5.2), a bare CR in a value is nothing (2.2): mended before anybody sees them. */
  readonly mendsLines: boolean;
  /** A target with a host of its own is refused; else it must name the same as Host does. */
  readonly refusesAbsoluteForm: boolean;
  /** A Host line without a value, beside another, is no second one. */
  readonly ignoresEmptyHost: boolean;
  /** Whatever stands between a chunk and the end of its line is skipped, instead of ending the connection. */
  readonly skipsBehindChunks: boolean;
  /** `Upgrade: h2c` is taken away and the request served as any other (RFC 9110 7.8); the filter never sees it. */
  readonly ignoresH2c: boolean;
  /** Which of several link TLVs counts. Only a balancer that is trusted can send two. */
  readonly linkTlv: "first" | "last";
  /**
   * What of a TLV list that breaks off. `kept`: what stands before the break counts. `refused`: the connection ends. Only a
   * balancer that is trusted can send one.
   */
  readonly brokenTlvs: "kept" | "refused";
  /** A family without an address that HTTP can come from ends the connection; else it is good for health checks. */
  readonly refusesOtherFamilies: boolean;
  /** Whether the addresses of a PROXY header that says UDP count as those of TCP do. Again a balancer's own word. */
  readonly believesUdp: boolean;
  /** A filter can't take a body away from a request that is forwarded without one, so it is denied (`health-check-body`). */
  readonly deniesHealthBody: boolean;
  /**
   * A denial may be the last answer of its connection: it does not wait for the request's body (RFC 9112 9.6), and no more than
   * two answers of the proxy's own wait to be sent, a guard against floods. What follows is not read.
   */
  readonly endsAtDenial: boolean;
  /** A body that came in chunks goes on in chunks, framed anew. */
  readonly keepsChunks: boolean;
}

const nginx: GateReading = {
  readTarget: target => target, // judged and forwarded raw
  dropsPort: true,
  gap: " +",
  mendsLines: false,
  refusesAbsoluteForm: false,
  ignoresEmptyHost: false,
  skipsBehindChunks: false,
  ignoresH2c: false,
  linkTlv: "first",
  brokenTlvs: "kept",
  refusesOtherFamilies: false,
  believesUdp: false,
  deniesHealthBody: false,
  endsAtDenial: false,
  keepsChunks: false,
};

const envoy: GateReading = {
  readTarget: normalizeTarget,
  dropsPort: false,
  gap: "[ \\t\\v\\f\\r]+",
  mendsLines: true,
  refusesAbsoluteForm: true,
  ignoresEmptyHost: true,
  skipsBehindChunks: true,
  ignoresH2c: true,
  linkTlv: "last",
  brokenTlvs: "refused",
  refusesOtherFamilies: true,
  believesUdp: true,
  deniesHealthBody: true,
  endsAtDenial: true,
  keepsChunks: true,
};

/** By the name of the gate. */
export const gateReadings: Readonly<Record<string, GateReading>> = { nginx, envoy };

/**
 * Envoy's `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action: REJECT_REQUEST`: RFC 3986 6.2.2 with a
 * backslash as a slash, behind a dot segment's parameters (`/..;x/`) taken away, where those are spelled out. The query stays.
 */
function normalizeTarget(target: string): string | null {
  const [, path = "", query = ""] = /^([^?]*)(.*)$/s.exec(target) ?? [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  if (/%2f|%5c|[\x00-\x20\x7f-\xff#]/i.test(path) || /[\x00-\x20\x7f-\xff#]/.test(query)) return null;
  const bare = path.replace(/\/(\.{1,2});[^/]*/g, "/$1");
  if (/%00/.test(bare)) return null;
  const plain = bare
    .replace(/%[0-9a-f]{2}/gi, code => {
      const char = String.fromCharCode(Number.parseInt(code.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(char) ? char : code;
    })
    .replaceAll("\\", "/");
  const segments: string[] = [];
  const parts = plain.slice(1).split("/");
  parts.forEach((part, at) => {
    const isLast = at === parts.length - 1;
    if (part === "..") segments.pop();
    else if (part !== ".") segments.push(part);
    if (isLast && (part === "." || part === "..")) segments.push("");
  });
  const normal = `/${segments.join("/")}`;
  // Of slashes alone Envoy leaves the first and the last.
  return (/^\/{2,}$/.test(normal) ? "//" : normal.replace(/\/{2,}/g, "/")) + query;
}
