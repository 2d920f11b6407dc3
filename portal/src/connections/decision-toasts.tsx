"use client";

import { Toast, ToastBody, Toaster, ToastTitle, useId, useToastController } from "@fluentui/react-components";
import type { AdminAction, ConnectionView } from "@linkgate/api/spec";
import { useEffect, useState } from "react";
import { FormattedMessage } from "react-intl";
import { Problem } from "../api/problem.ts";
import { PageLink } from "../shell/page-link.tsx";
import { connectionHref } from "./columns.tsx";
import type { FollowedDecision } from "./follow-decisions.tsx";
import { useConnection } from "./read-connection.ts";

/** Milliseconds that a toast stays; it stays for longer under the pointer. The history keeps what it says. */
const STAYS = 10_000;

/** Whether a decision is in force everywhere, or the connection has come to something else. */
type Outcome = "inForce" | "otherwise";

export interface DecisionToastsProps {
  readonly followed: readonly FollowedDecision[];
  onSettled(number: number): void;
}

/** Says of each decision that it is in force at every gate, or that something else has become of it. */
export function DecisionToasts({ followed, onSettled }: DecisionToastsProps) {
  const toasterId = useId("decisions");
  const { dispatchToast } = useToastController(toasterId);
  return (
    <>
      <Toaster toasterId={toasterId} position="bottom-end" limit={4} timeout={STAYS} pauseOnHover pauseOnWindowBlur />
      {followed.map(decision => (
        <Watch
          key={decision.number}
          decision={decision}
          onEnd={outcomes => {
            const isDone = outcomes.every(outcome => outcome === "inForce");
            dispatchToast(<Notice decision={decision} outcomes={outcomes} />, {
              intent: isDone ? "success" : "warning",
            });
            onSettled(decision.number);
          }}
        />
      ))}
    </>
  );
}

/** Reads one connection after the other until each has come to its end. Shows nothing. */
function Watch({
  decision: { action, connections },
  onEnd,
}: {
  decision: FollowedDecision;
  onEnd(outcomes: readonly Outcome[]): void;
}) {
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const at = outcomes.length;
  const connection = connections[Math.min(at, connections.length - 1)] as FollowedDecision["connections"][number];
  const { data, error, isFetchedAfterMount } = useConnection(connection, { refetchOnMount: "always" });
  // An older answer may be of another connection that had the name.
  const outcome = isFetchedAfterMount ? findOutcome(action, data, error) : undefined;
  useEffect(() => {
    if (outcome === undefined || at === connections.length) return;
    const ended = [...outcomes, outcome];
    setOutcomes(ended);
    if (ended.length === connections.length) onEnd(ended);
  }, [outcome, at, outcomes, connections, onEnd]);
  return null;
}

/** What has become of a connection after a decision; undefined as long as that is open. */
export function findOutcome(
  action: AdminAction,
  connection: ConnectionView | undefined,
  error: unknown,
): Outcome | undefined {
  if (error instanceof Problem && error.status === 404) return action === "remove" ? "inForce" : "otherwise";
  if (connection === undefined) return undefined;
  const { state, provisioningState, progress } = connection;
  if (provisioningState === "Failed") return "otherwise";
  if (action === "remove") return undefined; // until it is gone
  if (state === (action === "approve" ? "Approved" : "Rejected")) {
    return progress.phase === "done" ? "inForce" : undefined;
  }
  // What was read before the decision says nothing yet.
  const isBefore = state === "Pending" || (action === "reject" && state === "Approved");
  return isBefore ? undefined : "otherwise";
}

function Notice({ decision, outcomes }: { decision: FollowedDecision; outcomes: readonly Outcome[] }) {
  const { action, connections } = decision;
  const others = outcomes.filter(outcome => outcome === "otherwise").length;
  const [first] = connections as readonly [FollowedDecision["connections"][number]];
  const values = { count: connections.length, others, name: first.name, account: first.accountName };
  return (
    <Toast>
      <ToastTitle>
        <FormattedMessage id={others === 0 ? `toast.${action}` : "toast.otherwise"} values={values} />
      </ToastTitle>
      <ToastBody>
        {connections.length === 1 && action !== "remove" ? (
          <PageLink href={connectionHref(first)}>
            <FormattedMessage id="toast.connection" />
          </PageLink>
        ) : (
          <PageLink href="/history">
            <FormattedMessage id="toast.history" />
          </PageLink>
        )}
      </ToastBody>
    </Toast>
  );
}
