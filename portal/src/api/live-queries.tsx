"use client";

import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { useSession } from "../session/session.tsx";
import { followChanges } from "./live.ts";
import { Problem } from "./problem.ts";
import { readAgain } from "./read-again.ts";

/** Whether changes come by themselves, or are asked for now and then. */
export type Liveness = "connecting" | "live" | "polling";

const LivenessContext = createContext<Liveness>("connecting");

/** Milliseconds between two reads while the stream of changes is not there. */
const POLL_EVERY = 5_000;

/** Reads again what is shown whenever the registry has changed: told by the stream; asked for while there is none. */
export function LiveQueries({ children }: { children: ReactNode }) {
  const { getToken, hasEnded, end } = useSession();
  const queries = useQueryClient();
  const [liveness, setLiveness] = useState<Liveness>("connecting");

  useEffect(() => {
    const note = (error: unknown) => error instanceof Problem && error.status === 401 && end();
    const stops = [
      queries.getQueryCache().subscribe(({ query }) => note(query.state.error)),
      queries.getMutationCache().subscribe(({ mutation }) => note(mutation?.state.error)),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [queries, end]);

  useEffect(() => {
    if (hasEnded) return;
    const controller = new AbortController();
    const listener = {
      onReady: () => {
        setLiveness("live");
        void readAgain(queries);
      },
      onChanged: () => void readAgain(queries),
      onCounted: () => void readAgain(queries, { predicate: ({ meta }) => meta?.counted === true }),
      onLost: () => setLiveness("polling"),
    };
    void followChanges(getToken, listener, controller.signal);
    return () => controller.abort();
  }, [getToken, hasEnded, queries]);

  useEffect(() => {
    if (liveness === "live" || hasEnded) return;
    const timer = setInterval(() => void readAgain(queries), POLL_EVERY);
    return () => clearInterval(timer);
  }, [liveness, hasEnded, queries]);

  return <LivenessContext value={liveness}>{children}</LivenessContext>;
}

/** Whether changes come by themselves. */
export function useLiveness(): Liveness {
  return useContext(LivenessContext);
}
