import type { OmissionName } from "./rules.ts";
import type { Budget, State } from "./state.ts";

/** What somebody writes: nothing that matters, the end of a link, of an account, an account anew, or the link's new owner. */
export type Deed = "touch" | "revoke" | "remove" | "recreate" | "reuse";

/** What may go wrong, or just happen, besides the gates, the api and the clock doing their work. */
export type Fault =
  /** A transaction is rolled back. */
  | "abort"
  /** kill -9 of the database, and with it the end of whatever the api was doing. */
  | "database crash"
  | "api crash"
  /** An answer that does not come in time; it may still come, and the poll may still be recorded. */
  | "timeout"
  /** A poll that arrives twice. */
  | "double"
  /** An answer from somebody who has recorded nothing. */
  | "error"
  /** A follower is stopped, or killed, at any point; another takes its place; a stopped one may go on. */
  | "follower"
  /** A record can't be written. */
  | "full memory"
  /** The registry forgets its cursors. */
  | "forget"
  /** A gate's process ends, in order or not, and another one starts. */
  | "process"
  /** A gate's process ends, and nobody is left to say goodbye for it. */
  | "machine"
  /** The gate's age limit is changed. */
  | "reconfigure"
  /** A request stops between the two things that it reads. */
  | "slow request";

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly writings: readonly { readonly deed: Deed; readonly account: 0 | 1 }[];
  /** Whether transactions are open for a while, and so may commit in any order. */
  readonly isWritingInSteps: boolean;
  readonly gates: readonly ("loaded" | "empty" | "down")[];
  /** Most incarnations at a time. */
  readonly incarnations: number;
  /** Lines of a page. */
  readonly limit: number;
  /** Whether time passes: then silent gates are given up, and tables expire. */
  readonly hasClock: boolean;
  /** The gates' age limit, in ticks, and the one that "reconfigure" may give them. 0 lasts until time passes. */
  readonly ages: readonly [first: number, second: number];
  /** Ticks that the api adds to a silent gate's age limit; the gates' clocks must not miss more (rule 24). */
  readonly margin: number;
  /** Whether the api takes a snapshot in one step, and reads in another. */
  readonly isReadInSteps: boolean;
  /** Whether a gate writes record by record. */
  readonly isWrittenInSteps: boolean;
  readonly left: Budget;
  readonly faults: readonly Fault[];
}

/** A scenario, with all rules or with one left out. */
export interface World extends Scenario {
  readonly without: OmissionName | undefined;
}

/** Adds a move: a sentence for traces, who makes it, and what it changes in a copy of the state. */
export type AddMove = (name: string, by: "system" | "world", change: (state: State) => void) => void;

/** The largest age limit there can be, in ticks. */
export const largestAge = ({ ages }: Scenario): number => Math.max(...ages);

export const accountName = (account: number): string => "ab"[account] ?? "";
export const gateName = (gate: number): string => `gate ${gate + 1}`;
