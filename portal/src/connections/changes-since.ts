"use client";

import type { ConnectionView } from "@linkgate/api/spec";
import { useQueries } from "@tanstack/react-query";
import { Problem } from "../api/problem.ts";
import { toRead } from "../api/queries.ts";
import { useSession } from "../session/session.tsx";
import { keyOf } from "./legality.ts";
import { FOLLOWED, pathOf } from "./read-connection.ts";

/** What has become of connections that have changed, by key. */
export type Changes = ReadonlyMap<string, Change>;

export interface Change {
  /** Undefined: it is there no more. */
  readonly now: ConnectionView | undefined;
}

/**
 * What has become of connections since somebody saw them: of those alone that have changed.
 *
 * @param listed those of them that are read anyway; the others are read here
 */
export function useChangesSince(seen: readonly ConnectionView[], listed: readonly ConnectionView[]): Changes {
  const now = new Map(listed.map(connection => [keyOf(connection), connection]));
  const others = seen.filter(connection => !now.has(keyOf(connection)));
  const session = useSession();
  const reads = useQueries({
    queries: others.map(connection => toRead<ConnectionView>(session, pathOf(connection), {}, FOLLOWED)),
  });
  const changes = new Map<string, Change>();
  for (const connection of seen) {
    const key = keyOf(connection);
    const read = reads[others.indexOf(connection)];
    const isGone = read?.error instanceof Problem && read.error.status === 404;
    const latest = now.get(key) ?? read?.data ?? connection;
    if (isGone) changes.set(key, { now: undefined });
    else if (latest.etag !== connection.etag) changes.set(key, { now: latest });
  }
  return changes;
}
