"use client";

import type { ConnectionView } from "@linkgate/api/spec";
import type { UseQueryResult } from "@tanstack/react-query";
import { toPath } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import { type ReadOptions, useRead, useReads } from "../api/queries.ts";
import { keyOf } from "./legality.ts";

/** What has become of connections that have changed, by key. */
export type Changes = ReadonlyMap<string, Change>;

export interface Change {
  /** Undefined: it is there no more. */
  readonly now: ConnectionView | undefined;
}

type Name = Pick<ConnectionView, "account" | "name">;

const pathOf = ({ account, name }: Name): string => `/accounts${toPath(account)}/connections${toPath(name)}`;

/** Reads one connection, and follows it: its changes, and what the gates tell of it. */
export function useConnection(connection: Name, options: ReadOptions = {}): UseQueryResult<ConnectionView> {
  return useRead<ConnectionView>(pathOf(connection), {}, { ...options, counted: true });
}

/**
 * What has become of connections since somebody saw them: of those alone that have changed.
 *
 * @param listed those of them that are read anyway; the others are read here
 */
export function useChangesSince(seen: readonly ConnectionView[], listed: readonly ConnectionView[]): Changes {
  const now = new Map(listed.map(connection => [keyOf(connection), connection]));
  const others = seen.filter(connection => !now.has(keyOf(connection)));
  const reads = useReads<ConnectionView>(others.map(pathOf), { counted: true });
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
