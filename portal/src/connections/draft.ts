"use client";

import type { AdminAction, ConnectionView } from "@linkgate/api/spec";
import { useEffect, useState } from "react";
import { useSession } from "../session/session.tsx";
import { keyOf } from "./legality.ts";

/** A decision that somebody was about to take when the session ended. */
export interface Draft {
  readonly action: AdminAction;
  readonly comment: string;
  /** Keys of the connections. */
  readonly connections: readonly string[];
}

interface StoredDraft extends Draft {
  /** Object id of who wrote it. */
  readonly person: string;
  /** Path and query of the page. */
  readonly page: string;
}

const KEY = "linkgate.draft";

/** Keeps a draft while its person is away to sign in: in the tab's storage, which ends with the tab. */
export function writeDraft(person: string, draft: Draft): void {
  const stored: StoredDraft = { ...draft, person, page: location.pathname + location.search };
  sessionStorage.setItem(KEY, JSON.stringify(stored));
}

/** The draft of this page and person; undefined for nobody else's and no other page's. */
export function readDraft(person: string): Draft | undefined {
  const stored = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as StoredDraft | null;
  const isOurs = stored?.person === person && stored.page === location.pathname + location.search;
  return isOurs ? stored : undefined;
}

/**
 * Goes on with the draft of this page, once, as soon as its connections have been read again. What is no longer there is left
 * out: a decision is about what the person sees.
 */
export function useDraft(
  rows: readonly ConnectionView[] | undefined,
  goOn: (draft: Draft, connections: readonly ConnectionView[]) => void,
): void {
  const { person } = useSession();
  const [draft, setDraft] = useState(() => readDraft(person.objectId));
  useEffect(() => {
    if (draft === undefined || rows === undefined) return;
    setDraft(undefined);
    sessionStorage.removeItem(KEY);
    const connections = rows.filter(row => draft.connections.includes(keyOf(row)));
    if (connections.length > 0) goOn(draft, connections);
  }, [draft, rows, goOn]);
}
