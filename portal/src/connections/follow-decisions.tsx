"use client";

import type { AdminAction, ConnectionView } from "@linkgate/api/spec";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { OnDemand } from "../shell/on-demand.tsx";

/** A decision that Azure has accepted, on its way to the gates. */
export interface FollowedDecision {
  /** 1 for the first of this visit. */
  readonly number: number;
  readonly action: AdminAction;
  /** At least one. */
  readonly connections: readonly Pick<ConnectionView, "account" | "accountName" | "name">[];
}

const FollowContext = createContext<(decision: Omit<FollowedDecision, "number">) => void>(() => undefined);

interface State {
  /** How many there were in this visit. */
  readonly count: number;
  readonly followed: readonly FollowedDecision[];
}

const loadToasts = async () => (await import("./decision-toasts.tsx")).DecisionToasts;

/** Around all pages: what was decided on one of them is told of when it is in force, wherever the person is by then. */
export function FollowDecisions({ children }: { children: ReactNode }) {
  const [{ count, followed }, setState] = useState<State>({ count: 0, followed: [] });
  const follow = useCallback(
    (decision: Omit<FollowedDecision, "number">) =>
      setState(last => ({
        count: last.count + 1,
        followed: [...last.followed, { ...decision, number: last.count + 1 }],
      })),
    [],
  );
  const forget = useCallback(
    (number: number) => setState(last => ({ ...last, followed: last.followed.filter(each => each.number !== number) })),
    [],
  );
  return (
    <FollowContext value={follow}>
      {children}
      {count === 0 ? null : (
        <OnDemand load={loadToasts}>
          {DecisionToasts => <DecisionToasts followed={followed} onSettled={forget} />}
        </OnDemand>
      )}
    </FollowContext>
  );
}

/** Has an accepted decision followed to its end. */
export function useFollowDecision(): (decision: Omit<FollowedDecision, "number">) => void {
  return useContext(FollowContext);
}
