"use client";

import {
  Button,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import type { AdminAction, ConnectionView } from "@linkgate/api/spec";
import { useEffect, useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { Problem } from "../api/problem.ts";
import { PageLink } from "../shell/page-link.tsx";
import { connectionHref } from "./columns.tsx";
import type { FollowedDecision } from "./follow-decisions.tsx";
import { useConnection } from "./read-connection.ts";

/** Toasts that are shown at once, the newest ones. The history keeps what all of them say. */
const MOST = 4;

const useStyles = makeStyles({
  // At the lower edge, over the page, and never wider than it.
  toasts: {
    position: "fixed",
    right: tokens.spacingHorizontalL,
    bottom: tokens.spacingVerticalL,
    zIndex: 1,
    width: "400px",
    maxWidth: `calc(100vw - 2 * ${tokens.spacingHorizontalL})`,
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalS,
  },
  toast: { boxShadow: tokens.shadow16 },
});

/** Whether a decision is in force everywhere, or the connection has come to something else. */
type Outcome = "inForce" | "otherwise";

export interface DecisionToastsProps {
  readonly followed: readonly FollowedDecision[];
  onSettled(number: number): void;
}

/** What has become of a decision. */
interface Ended {
  readonly decision: FollowedDecision;
  readonly outcomes: readonly Outcome[];
}

/**
 * Says of each decision that it is in force at every gate, or that something else has become of it, until that is dismissed.
 * Unlike Fluent's toasts these never keep the keyboard's focus to themselves, nor go while somebody reads them.
 */
export function DecisionToasts({ followed, onSettled }: DecisionToastsProps) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const [shown, setShown] = useState<readonly Ended[]>([]);
  return (
    <>
      <section className={styles.toasts} aria-label={formatMessage({ id: "toast.title" })} aria-live="polite">
        {shown.map(ended => (
          <Toast
            key={ended.decision.number}
            ended={ended}
            className={styles.toast}
            onDismiss={() => setShown(all => all.filter(each => each !== ended))}
          />
        ))}
      </section>
      {followed.map(decision => (
        <Watch
          key={decision.number}
          decision={decision}
          onEnd={outcomes => {
            setShown(all => [...all, { decision, outcomes }].slice(-MOST));
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

function Toast({ ended, className, onDismiss }: { ended: Ended; className: string; onDismiss(): void }) {
  const { action, connections } = ended.decision;
  const others = ended.outcomes.filter(outcome => outcome === "otherwise").length;
  const [first] = connections as readonly [FollowedDecision["connections"][number]];
  const values = { count: connections.length, others, name: first.name, account: first.accountName };
  return (
    <MessageBar className={className} intent={others === 0 ? "success" : "warning"} layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>
          <FormattedMessage id={others === 0 ? `toast.${action}` : "toast.otherwise"} values={values} />
        </MessageBarTitle>{" "}
        {connections.length === 1 && action !== "remove" ? (
          <PageLink href={connectionHref(first)}>
            <FormattedMessage id="toast.connection" />
          </PageLink>
        ) : (
          <PageLink href="/history">
            <FormattedMessage id="toast.history" />
          </PageLink>
        )}
      </MessageBarBody>
      <MessageBarActions>
        <Button onClick={onDismiss}>
          <FormattedMessage id="toast.dismiss" />
        </Button>
      </MessageBarActions>
    </MessageBar>
  );
}
