"use client";

import type { ConnectionState } from "@linkgate/api/spec";
import { usePathname, useRouter, useSearchParams } from "next/navigation";

export const STATES: readonly ConnectionState[] = ["Pending", "Approved", "Rejected", "Disconnected"];
const SORTS = ["requested", "name", "account", "state", "endpoint", "changed"] as const;
/** What the API sorts by. */
export type ConnectionSort = (typeof SORTS)[number];
/** Rows of a page. */
export const PAGE_SIZE = 200;

/** What of the connections is shown, as the URL has it: every view has a link. */
export interface ListState {
  /** Empty: all of them. */
  readonly states: readonly ConnectionState[];
  readonly account: string;
  readonly search: string;
  readonly sort: ConnectionSort;
  readonly order: "asc" | "desc";
  readonly cursor: string;
}

/** Reads what a URL asks for; what makes no sense is left out. A list opens on what is pending. */
export function readListState(parameters: URLSearchParams): ListState {
  const states = parameters.get("state");
  const sort = SORTS.find(each => each === parameters.get("sort"));
  return {
    states: states === null ? ["Pending"] : STATES.filter(state => states.split(",").includes(state)),
    account: parameters.get("account") ?? "",
    search: parameters.get("search") ?? "",
    sort: sort ?? "requested",
    order: parameters.get("order") === "desc" ? "desc" : "asc",
    cursor: parameters.get("cursor") ?? "",
  };
}

/** The part of a URL that {@link readListState} reads the same from. */
export function writeListState({ states, account, search, sort, order, cursor }: ListState): string {
  const parameters = new URLSearchParams({ state: states.join(",") });
  if (account !== "") parameters.set("account", account);
  if (search !== "") parameters.set("search", search);
  if (sort !== "requested") parameters.set("sort", sort);
  if (order === "desc") parameters.set("order", order);
  if (cursor !== "") parameters.set("cursor", cursor);
  return `?${parameters}`;
}

/** What the page shows, and how to show something else. */
export function useListState(): [ListState, (change: Partial<ListState>) => void] {
  const path = usePathname();
  const router = useRouter();
  const state = readListState(new URLSearchParams(useSearchParams()));
  const change = (part: Partial<ListState>) => {
    const url = path + writeListState({ ...state, cursor: "", ...part });
    // A page forward is a step that one goes back from; a letter more in the search is none.
    if (part.cursor === undefined) router.replace(url, { scroll: false });
    else router.push(url, { scroll: false });
  };
  return [state, change];
}
