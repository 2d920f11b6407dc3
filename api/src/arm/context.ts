import type { OpenDatabase } from "../database/open.ts";

/** A pair of DNS suffixes under which every account answers (design 1). Lower case, no dot at either end. */
export interface Zone {
  readonly public: string;
  readonly private: string;
}

/** What the routes of the ARM listener work with. */
export interface ArmContext {
  readonly database: OpenDatabase;
  /** At least one; the first names the internal host. */
  readonly zones: readonly Zone[];
  /** Whether callers other than NRP may PUT and DELETE connections; NRP is told then (design 5). */
  readonly customerWrites: boolean;
  /** Connections an account may have, all but Disconnected ones counted. */
  readonly maxConnections: number;
  /** Seconds between a client's polls. */
  readonly retryAfter: number;
}
