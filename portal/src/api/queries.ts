import {
  keepPreviousData,
  QueryClient,
  type UseInfiniteQueryResult,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/react-query";
import { useSession } from "../session/session.tsx";
import { type CallOptions, call } from "./client.ts";
import { Problem } from "./problem.ts";

/** What a page of a list has: rows, and where the next page begins. */
export interface Page<Row> {
  readonly value: readonly Row[];
  readonly next?: string;
}

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

/** Reads one document. @param path below `/admin/v1` */
export function useRead<T>(path: string, query: CallOptions["query"] = {}): UseQueryResult<T> {
  const { getToken, person } = useSession();
  return useQuery({
    queryKey: [person.objectId, path, query],
    queryFn: ({ signal }) => call<T>(getToken, path, { query, signal }),
  });
}

/** Reads a list page by page; the rows of a former filter stay until the new ones are there. */
export function usePages<P extends Page<unknown>>(
  path: string,
  query: CallOptions["query"] = {},
): UseInfiniteQueryResult<{ pages: P[]; pageParams: unknown[] }> {
  const { getToken, person } = useSession();
  return useInfiniteQuery({
    queryKey: [person.objectId, path, query],
    queryFn: ({ pageParam, signal }) => call<P>(getToken, path, { query: { ...query, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: last => last.next,
    placeholderData: keepPreviousData,
  });
}
