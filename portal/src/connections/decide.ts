"use client";

import type { AdminAction, ConnectionView, DecisionBody, DecisionResults } from "@linkgate/api/spec";
import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import { readAgain } from "../api/read-again.ts";
import { useSession } from "../session/session.tsx";
import { useFollowDecision } from "./follow-decisions.tsx";
import { keyOf } from "./legality.ts";

export interface Decision {
  readonly action: AdminAction;
  readonly comment: string;
  readonly connections: readonly ConnectionView[];
}

/** What a dialog is opened with. */
export interface Deciding {
  readonly action: AdminAction;
  /** As the person saw them when they opened it: it is about that, whatever comes meanwhile. */
  readonly connections: readonly ConnectionView[];
  /** What was written before the session ended. */
  readonly draft?: string;
}

/** Whether a comment is asked for: always where somebody loses a way in. */
export function needsComment(action: AdminAction): boolean {
  return action !== "approve";
}

/**
 * Has Azure decide, in the name of whoever is signed in. Sent once and never by itself again; what is shown afterwards is what
 * the registry says. Each connection goes with the revision that the person has seen.
 */
export function useDecide(): UseMutationResult<DecisionResults, unknown, Decision> {
  const { getToken } = useSession();
  const queries = useQueryClient();
  const follow = useFollowDecision();
  return useMutation({
    retry: false,
    mutationFn: ({ action, comment, connections }: Decision) => {
      const body: Omit<DecisionBody, "connections"> & { connections: unknown } = {
        action,
        ...(comment.trim() === "" ? {} : { comment: comment.trim() }),
        connections: connections.map(({ account, name, etag }) => ({ account, name, etag })),
      };
      return call<DecisionResults>(getToken, "/decisions", { method: "POST", body });
    },
    onSuccess: ({ value }, { action, connections }) => {
      const accepted = new Set(value.filter(({ outcome }) => outcome === "accepted").map(keyOf));
      if (accepted.size > 0) follow({ action, connections: connections.filter(each => accepted.has(keyOf(each))) });
    },
    onSettled: () => readAgain(queries),
  });
}
