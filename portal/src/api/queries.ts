import type { GateList } from "@linkgate/api/spec";
import { type keepPreviousData, QueryClient, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { type Session, useSession } from "../session/session.tsx";
import { type CallOptions, call } from "./client.ts";
import { mayPass } from "./problem.ts";

/** Attempts after the first, soon, for what may pass; and milliseconds to the next ones, when that has been said. */
const RETRIES = { soon: 2, every: 15_000 };

/** The cache of what the API said. Old answers are shown as such while new ones are on their way, and never invented. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retry: (count, error) => count < RETRIES.soon && mayPass(error),
        refetchInterval: ({ state }) => state.error !== null && mayPass(state.error) && RETRIES.every,
        // What a browser holds for "offline" may be wrong, and a page would wait without a word.
        networkMode: "always",
      },
      // Nor must a decision be kept, to be sent when nobody looks any more.
      mutations: { networkMode: "always" },
    },
  });
}

/** How a document is read. */
export interface ReadOptions {
  readonly placeholderData?: typeof keepPreviousData;
  readonly enabled?: boolean;
  readonly refetchInterval?: number;
  readonly refetchOnMount?: "always";
  /** It tells of requests, and is read again when the gates have told of more. */
  readonly counted?: boolean;
}

/** Reads one document. @param path below `/admin/v1` */
export function useRead<T>(
  path: string,
  query: CallOptions["query"] = {},
  options: ReadOptions = {},
): UseQueryResult<T> {
  return useQuery<T>(toRead<T>(useSession(), path, query, options));
}

/** What TanStack Query needs to read a document. */
export function toRead<T>(
  { getToken, person }: Session,
  path: string,
  query: CallOptions["query"] = {},
  { counted = false, ...options }: ReadOptions,
) {
  return {
    ...options,
    meta: { counted },
    queryKey: [person.objectId, path, query],
    queryFn: ({ signal }: { signal: AbortSignal }) => call<T>(getToken, path, { query, signal }),
  };
}

/** Milliseconds. A gate is heard, lost and found without any change of an account, which is all that the stream tells of. */
const GATES_EVERY = 2_000;

/** The gates, as far as they concern the caller's accounts, kept up to date. */
export function useGates(): UseQueryResult<GateList> {
  return useRead<GateList>("/gates", {}, { refetchInterval: GATES_EVERY });
}
