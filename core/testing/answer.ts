import { StringSink } from "../src/glue/js/string-sink.ts";
import {
  Decision,
  isAccount,
  isAllowed,
  Listener,
  REASONS,
  readAddress,
  readLinkTlv,
  Source,
  TABLE_CURRENT,
  TABLE_EXPIRED,
  TABLE_NONE,
  type Table,
  TLV_OFF,
  TLV_OPTIONAL,
  TLV_REQUIRED,
  Zones,
} from "../src/index.ts";

/** One request and what the gate knows when it comes: the row of a case file without its verdict. README.md says what each field means. */
export interface Question {
  host: string;
  method?: string;
  target?: string;
  source: string;
  listener?: ListenerName;
  tlv?: string;
  table?: TableName;
  entry: string | null;
}

/** What core made of a question. */
export interface Answer {
  reason: string;
  isAllowed: boolean;
  account: string;
  client: string;
  /** The link id that was read, also on a denial; a gate forwards it only when the reason is `private-link`. */
  linkId: number;
}

export type ListenerName =
  | "direct"
  | "proxy"
  | "proxy-tlv-optional"
  | "proxy-tlv-required"
  | "public"
  | "proxy-local"
  | "proxy-untrusted";
export type TableName = "current" | "none" | "expired";

/** The zone of all cases. */
export const ZONE = { public: "azurehealthcareapis.com", private: "privatelink.azurehealthcareapis.com" };

/** The TLV mode of each listener of the case files. */
export const TLV_MODES: Record<ListenerName, number> = {
  direct: TLV_OFF,
  proxy: TLV_OFF,
  "proxy-tlv-optional": TLV_OPTIONAL,
  "proxy-tlv-required": TLV_REQUIRED,
  public: TLV_OFF,
  "proxy-local": TLV_OFF,
  "proxy-untrusted": TLV_OFF,
};

/** The table state of each name in the case files. */
export const TABLE_STATES: Record<TableName, number> = {
  none: TABLE_NONE,
  current: TABLE_CURRENT,
  expired: TABLE_EXPIRED,
};

/** False where the listener tells the gate nothing about the client: its address is then not to be believed. */
export function isAddressGiven(listener: ListenerName): boolean {
  return listener !== "proxy-local" && listener !== "proxy-untrusted";
}

/** Folds ASCII capitals and nothing else, as a gate has to: `toLowerCase` makes `k` of U+212A. */
export function foldHost(host: string): string {
  return host.replace(/[A-Z]/g, letter => letter.toLowerCase());
}

/** The bytes of a hexadecimal text. */
export function readHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16));
}

/**
 * Makes a function that answers questions with core as any JavaScript host runs it: Node, a browser, njs. It needs nothing
 * but core, so a host's own runtime can bundle it and be compared with Node, answer by answer.
 */
export function createAnswerer(): (question: Question) => Answer {
  const zones = new Zones();
  zones.add(ZONE.public, ZONE.private);
  const source = new Source();
  const client = new StringSink();
  const decision = new Decision(client, new StringSink());
  let state = TABLE_NONE;
  let entry: string | null = null;
  let host = "";
  const table: Table = { readState: () => state, findEntry: length => (isAccount(host, 0, length) ? entry : null) };

  return question => {
    const name = question.listener ?? "direct";
    const listener = new Listener(name !== "public", TLV_MODES[name]);
    source.clear();
    source.isReadable = isAddressGiven(name) && readAddress(question.source, source.address);
    if (question.tlv !== undefined) readLinkTlv(readHex(question.tlv), source);
    state = TABLE_STATES[question.table ?? "current"];
    entry = question.entry;

    host = foldHost(question.host);
    const method = question.method ?? "GET";
    const reason = decision.decide(host, method, question.target ?? "/", source, listener, zones, table);
    return {
      reason: REASONS[reason] ?? "",
      isAllowed: isAllowed(reason),
      account: host.slice(0, decision.host.accountLength),
      client: client.text,
      linkId: decision.link.id,
    };
  };
}
