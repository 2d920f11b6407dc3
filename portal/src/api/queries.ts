import type { GateList } from "@linkgate/api/spec";
import { type keepPreviousData, QueryClient, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useSession } from "../session/session.tsx";
import { type CallOptions, call } from "./client.ts";
import { Problem } from "./problem.ts";

/** Attempts after the first for what may pass: no answer, or the service's own trouble. */
const RETRIES = 2;

/** The cache of what the API said. Old answers are shown as such while new ones are on their way, and never invented. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retry: (count, error) =>
          count < RETRIES && error instanceof Problem && (error.status === 0 || error.status >= 500),
      },
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
  { counted = false, ...options }: ReadOptions = {},
): UseQueryResult<T> {
  const { getToken, person } = useSession();
  return useQuery<T>({
    ...options,
    meta: { counted },
    queryKey: [person.objectId, path, query],
    queryFn: ({ signal }) => call<T>(getToken, path, { query, signal }),
  });
}

/** Milliseconds. A gate is heard, lost and found without any change of an account, which is all that the stream tells of. */
const GATES_EVERY = 2_000;

/** The gates, as far as they concern the caller's accounts, kept up to date. */
export function useGates(): UseQueryResult<GateList> {
  return useRead<GateList>("/gates", {}, { refetchInterval: GATES_EVERY });
}
