"use client";

import type { ConnectionView } from "@linkgate/api/spec";
import type { UseQueryResult } from "@tanstack/react-query";
import { toPath } from "../api/client.ts";
import { type ReadOptions, useRead } from "../api/queries.ts";

type Name = Pick<ConnectionView, "account" | "name">;

/** Where a connection is read. */
export const pathOf = ({ account, name }: Name): string => `/accounts${toPath(account)}/connections${toPath(name)}`;

/** Whoever reads it, gates tell of it: one document is read in one way. */
export const FOLLOWED: ReadOptions = { counted: true };

/** Reads one connection, and follows it: its changes, and what the gates tell of it. */
export function useConnection(connection: Name, options: ReadOptions = {}): UseQueryResult<ConnectionView> {
  return useRead<ConnectionView>(pathOf(connection), {}, { ...options, ...FOLLOWED });
}
