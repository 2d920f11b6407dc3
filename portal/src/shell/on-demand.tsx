"use client";

import { type ComponentType, createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import { useIntl } from "react-intl";
import { Problem } from "../api/problem.ts";
import { ProblemBar } from "./problem-bar.tsx";

const ReadyContext = createContext<() => Promise<void>>(async () => undefined);

/** Around everything that has parts on demand: what all of them need is fetched with the first one, and stays. */
export function OnDemandParts({ children }: { children: ReactNode }) {
  const [Focus, setFocus] = useState<ComponentType>();
  const getReady = useCallback(async () => {
    const module = await import("./focus.tsx");
    setFocus(() => module.Focus);
  }, []);
  return (
    <ReadyContext value={getReady}>
      {children}
      {Focus === undefined ? null : <Focus />}
    </ReadyContext>
  );
}

export interface OnDemandProps<P> {
  /** Imports the component. Always the same function. */
  readonly load: () => Promise<ComponentType<P>>;
  readonly children: (Part: ComponentType<P>) => ReactNode;
}

/**
 * A part that most visits never open: its code is fetched when it is first shown, so that no page waits for it. Where it can't
 * be had (no network, or a portal that was replaced meanwhile), that is said.
 */
export function OnDemand<P extends object>({ load, children }: OnDemandProps<P>) {
  const getReady = useContext(ReadyContext);
  const [Part, setPart] = useState<ComponentType<P>>();
  const [isMissing, setMissing] = useState(false);
  const { formatMessage } = useIntl();
  useEffect(() => {
    Promise.all([load(), getReady()]).then(
      ([part]) => setPart(() => part),
      () => setMissing(true),
    );
  }, [load, getReady]);
  if (isMissing) {
    const problem = new Problem(0, "PartMissing", formatMessage({ id: "shell.partMissing" }), "");
    return <ProblemBar error={problem} onRetry={() => location.reload()} />;
  }
  return Part === undefined ? null : children(Part);
}
