import { TLV_OFF, TLV_OPTIONAL, TLV_REQUIRED, Zones } from "@linkgate/core";

/** What the gate reads from its environment; `deploy/nginx/README.md` documents each. */
export type GateSettings = {
  /** Without a slash at its end. */
  readonly feedUrl: string;
  readonly gateName: string;
  readonly feedTokenFile: string;
  /** Seconds, 1..604800. */
  readonly maxTableAge: number;
  /** `TLV_OFF`, `TLV_OPTIONAL` or `TLV_REQUIRED`, for the PROXY listener. */
  readonly linkTlv: number;
  readonly zones: Zones;
  /** Milliseconds; how long a connection may bring admissions by link (feed rule 28). */
  readonly linkQuarantine: number;
  readonly runDir: string;
};

/** Environment variables, or anything of their shape. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the gate's settings.
 * @throws Error that names every variable that is missing or wrong
 */
export function readGateSettings(env: Environment): GateSettings {
  const problems: string[] = [];
  const read = <T>(name: string, parse: (text: string) => T | null, wanted: string, fallback: T): T => {
    const value = parse(env[name] ?? "");
    if (value !== null) return value;
    problems.push(`${name} must be ${wanted}`);
    return fallback;
  };
  const settings: GateSettings = {
    feedUrl: read("LINKGATE_FEED_URL", parseFeedUrl, "an http or https URL", ""),
    gateName: read(
      "LINKGATE_GATE_NAME",
      parseGateName,
      "1 to 63 letters, digits, dots, hyphens or underscores, a letter or digit first",
      "",
    ),
    feedTokenFile: read("LINKGATE_FEED_TOKEN_FILE", parsePath, "an absolute path", ""),
    maxTableAge: read("LINKGATE_MAX_TABLE_AGE", text => parseSeconds(text, 604_800), "1 to 604800 seconds", 0),
    linkTlv: read("LINKGATE_LINK_TLV", parseTlvMode, "off, optional or required", TLV_OFF),
    zones: read("LINKGATE_ZONES", parseZones, "pairs public/private of DNS suffixes, separated by commas", new Zones()),
    linkQuarantine: read("LINKGATE_LINK_QUARANTINE", text => parseSeconds(text, 3600), "1 to 3600 seconds", 0) * 1000,
    runDir: read("LINKGATE_RUN_DIR", parsePath, "an absolute path", ""),
  };
  if (problems.length > 0) throw new Error(problems.join("; "));
  return settings;
}

/** An http or https URL without query, as it stands but for slashes at its end; null for any other text. */
export function parseFeedUrl(text: string): string | null {
  return /^https?:\/\/[\w.-]+(:\d{1,5})?(\/[\w./-]*)?$|^https?:\/\/\[[0-9a-fA-F:.]+\](:\d{1,5})?(\/[\w./-]*)?$/.test(
    text,
  )
    ? text.replace(/\/+$/, "")
    : null;
}

/** The name that a gate's token belongs to; null for any other text. */
export function parseGateName(text: string): string | null {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text) ? text : null;
}

/** An absolute path that can stand between quotes in NGINX's configuration; null for any other text. */
export function parsePath(text: string): string | null {
  return /^\/[^\p{Cc}"\\$;{}]*$/u.test(text) ? text : null;
}

/** Whole seconds from 1 to `most`; null for any other text. */
export function parseSeconds(text: string, most: number): number | null {
  const seconds = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  return seconds >= 1 && seconds <= most ? seconds : null;
}

/** `off`, `optional` or `required`; null for any other text. */
export function parseTlvMode(text: string): number | null {
  if (text === "off") return TLV_OFF;
  if (text === "optional") return TLV_OPTIONAL;
  return text === "required" ? TLV_REQUIRED : null;
}

/** Pairs `public/private`, separated by commas; null unless there is one at least and core takes them all. */
export function parseZones(text: string): Zones | null {
  const zones = new Zones();
  for (const pair of text.split(",")) {
    const suffixes = pair.trim().split("/");
    if (suffixes.length !== 2 || !zones.add(suffixes[0] ?? "", suffixes[1] ?? "")) return null;
  }
  return zones;
}
