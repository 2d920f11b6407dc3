import type { Answer, Question } from "../testing/answer.ts";

/** An address as it was read. */
export interface ReadAddress {
  groups: number[];
  isIPv4: boolean;
  isPrivateLink: boolean;
  linkId: number;
  dotted: string;
  text: string;
}

/** A line of the feed as it was read: its parts as text. */
export type ReadLine =
  | { kind: "malformed" }
  | { kind: "upsert" | "removal"; name: string; version: string; entry: string }
  | { kind: "more"; name: string }
  | { kind: "done"; name: string };

/** Core as one engine runs it: every test of this folder asks all of them. */
export interface Engine {
  readonly name: string;
  decide(question: Question): Answer;
  readAddress(text: string): ReadAddress | null;
  readAddressBytes(bytes: Uint8Array): ReadAddress | null;
  /** With no zones given, those of the cases. */
  splitHost(
    host: string,
    zones?: readonly (readonly [string, string])[],
  ): { account: string; isPrivate: boolean } | null;
  /** Adds the pairs to no zones; true for each that was taken. */
  addZones(zones: readonly (readonly [string, string])[]): boolean[];
  isAccount(text: string): boolean;
  isHealthCheck(method: string, target: string): boolean;
  isReservedHeader(name: string): boolean;
  /** Reads the line of `page` whose LF is at `end`. */
  readLine(page: string, from: number, end: number): ReadLine;
  /** `line` is a well-formed change, without its LF. */
  isNewer(line: string, entry: string): boolean;
  readStartOver(body: string): number;
  /** An entry that can't be read, or that is a removal, has no link ids to look for. */
  readEntry(
    entry: string,
    linkId: number,
  ): { start: number; allowsPublic: boolean; hasLinkIds: boolean; holds: boolean };
  describeReason(reason: number): {
    reason: string;
    isAllowed: boolean;
    status: number;
    body: string;
    explanation: string;
  };
}
