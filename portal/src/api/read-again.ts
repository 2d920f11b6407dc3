import type { InvalidateQueryFilters, QueryClient } from "@tanstack/react-query";

/**
 * Reads again what is shown, after a change, and the rest when it is next shown. What is being read at this moment may have
 * been answered before the change: it is read once more when it is there. Nothing is broken off, so that changes which come
 * faster than answers can't keep a page from ever being read.
 *
 * @returns when all of it has been read, or could not be
 */
export async function readAgain(queries: QueryClient, filters: InvalidateQueryFilters = {}): Promise<void> {
  const underWay = queries.getQueryCache().findAll({ ...filters, fetchStatus: "fetching" });
  const read = (which: InvalidateQueryFilters) => queries.invalidateQueries(which, { cancelRefetch: false });
  const again = underWay.map(async ({ queryKey, promise }) => {
    await promise?.catch(() => undefined);
    await read({ queryKey, exact: true });
  });
  await Promise.all([read(filters), ...again]);
}
