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

/** Reads one document. @param path below `/admin/v1` */
export function useRead<T>(
  path: string,
  query: CallOptions["query"] = {},
  options: { placeholderData?: typeof keepPreviousData; enabled?: boolean } = {},
): UseQueryResult<T> {
  const { getToken, person } = useSession();
  return useQuery<T>({
    ...options,
    queryKey: [person.objectId, path, query],
    queryFn: ({ signal }) => call<T>(getToken, path, { query, signal }),
  });
}
