"use client";

import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Text,
  Textarea,
  tokens,
} from "@fluentui/react-components";
import type { AdminAction, ConnectionView, DecisionResult, HistoryPage } from "@linkgate/api/spec";
import { useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { mayPass } from "../api/problem.ts";
import { useRead } from "../api/queries.ts";
import { Actor } from "../history/history-table.tsx";
import { useSession } from "../session/session.tsx";
import { ProblemBar } from "../shell/problem-bar.tsx";
import { SessionBar } from "../shell/session-bar.tsx";
import { type Change, type Changes, useChangesSince } from "./changes-since.ts";
import { type Deciding, needsComment, useDecide } from "./decide.ts";
import { writeDraft } from "./draft.ts";
import { nameOfResource, subscriptionOf } from "./endpoint-name.ts";
import { keyOf } from "./legality.ts";
import { StateBadge } from "./state-badge.tsx";

/** Characters of a comment. */
const MAX_COMMENT = 1000;

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  list: {
    margin: 0,
    padding: 0,
    listStyleType: "none",
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalS,
    maxHeight: "40vh",
    overflowY: "auto",
  },
  item: {
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalXXS,
    overflowWrap: "anywhere",
    paddingBottom: tokens.spacingVerticalS,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
});

export interface DecideDialogProps extends Deciding {
  /** Connections that the page behind has read, and reads again when they change. */
  readonly listed?: readonly ConnectionView[];
  /** @param failed keys of the connections about which nothing was decided */
  onClose(failed: readonly string[]): void;
}

const NONE: readonly ConnectionView[] = [];

/**
 * Says what will happen to whom, asks why, and stays until every row has its result. A decision is about what the person has
 * seen: a row that changes meanwhile says so at once, and is left as it is.
 */
export function DecideDialog({ action, connections, draft = "", listed = NONE, onClose }: DecideDialogProps) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const { person, hasEnded } = useSession();
  const decide = useDecide();
  const [comment, setComment] = useState(draft);
  const [isTried, setTried] = useState(false);
  const [beforeSending, setBeforeSending] = useState<Changes>(new Map());
  const results = decide.data?.value;
  const failed = (results ?? []).filter(({ outcome }) => outcome !== "accepted");
  const lacksComment = needsComment(action) && comment.trim() === "";
  const latest = useChangesSince(connections, listed);
  // From the moment of sending on, a change may be the very one that was asked for.
  const changes = decide.isPending ? beforeSending : latest;
  const isOff = decide.isPending || hasEnded || changes.size === connections.length;

  const submit = () => {
    setTried(true);
    if (lacksComment || isOff) return;
    setBeforeSending(latest);
    decide.mutate(
      { action, comment, connections },
      { onSuccess: ({ value }) => value.every(({ outcome }) => outcome === "accepted") && onClose([]) },
    );
  };
  const keep = () => writeDraft(person.objectId, { action, comment, connections: connections.map(keyOf) });
  const close = () => onClose(results === undefined ? connections.map(keyOf) : failed.map(keyOf));

  return (
    <Dialog open modalType="modal" onOpenChange={(_, { open }) => !open && !decide.isPending && close()}>
      <DialogSurface aria-describedby={undefined}>
        <DialogBody>
          <DialogTitle>
            <FormattedMessage id={`decide.${action}.title`} values={{ count: connections.length }} />
          </DialogTitle>
          <DialogContent className={styles.content}>
            <Text>
              <FormattedMessage id={`decide.${action}.effect`} values={{ count: connections.length }} />
            </Text>
            <ul className={styles.list}>
              {connections.map(connection => (
                <Row
                  key={keyOf(connection)}
                  action={action}
                  className={styles.item}
                  connection={connection}
                  result={results?.find(each => keyOf(each) === keyOf(connection))}
                  change={results === undefined ? changes.get(keyOf(connection)) : undefined}
                />
              ))}
            </ul>
            {results === undefined ? (
              <Field
                label={formatMessage({ id: "decide.comment" })}
                required={needsComment(action)}
                hint={formatMessage({ id: `decide.${action}.comment.hint` })}
                {...(isTried && lacksComment
                  ? {
                      validationState: "error" as const,
                      validationMessage: formatMessage({ id: "decide.comment.missing" }),
                    }
                  : {})}
              >
                <Textarea
                  value={comment}
                  maxLength={MAX_COMMENT}
                  resize="vertical"
                  onChange={(_, { value }) => setComment(value)}
                />
              </Field>
            ) : (
              <MessageBar intent="warning" layout="multiline">
                <MessageBarBody>
                  <FormattedMessage
                    id="decide.some"
                    values={{ done: results.length - failed.length, count: results.length }}
                  />{" "}
                  <FormattedMessage
                    id="problem.correlationId"
                    values={{ id: <code>{decide.data?.correlationId}</code> }}
                  />
                </MessageBarBody>
              </MessageBar>
            )}
            {decide.error === null ? null : <ProblemBar error={decide.error} />}
            {mayPass(decide.error) ? (
              <Text>
                <FormattedMessage id="decide.unknown" />
              </Text>
            ) : null}
            {hasEnded ? <SessionBar onLeave={keep} /> : null}
          </DialogContent>
          <DialogActions>
            {results === undefined ? (
              <>
                <Button appearance="primary" disabledFocusable={isOff} onClick={submit}>
                  <FormattedMessage id={decide.isPending ? "decide.running" : `decide.${action}`} />
                </Button>
                <Button disabled={decide.isPending} onClick={close}>
                  <FormattedMessage id="decide.cancel" />
                </Button>
              </>
            ) : (
              <Button appearance="primary" onClick={close}>
                <FormattedMessage id="decide.close" />
              </Button>
            )}
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function Row({
  action,
  connection,
  result,
  change,
  className,
}: {
  action: AdminAction;
  connection: ConnectionView;
  result: DecisionResult | undefined;
  change: Change | undefined;
  className: string;
}) {
  const { accountName, name, privateEndpoint, requestMessage } = connection;
  const values = {
    account: accountName,
    endpoint: nameOfResource(privateEndpoint.id),
    subscription: subscriptionOf(privateEndpoint.id),
  };
  return (
    <li className={className}>
      <Text weight="semibold">{name}</Text>
      <Text>
        <FormattedMessage id="decide.row" values={values} />
      </Text>
      {requestMessage === "" ? null : (
        <Text italic>
          <FormattedMessage id="decide.row.message" values={{ message: requestMessage }} />
        </Text>
      )}
      {action === "approve" || connection.state !== "Approved" ? null : <Loss connection={connection} />}
      {result === undefined ? null : <Result result={result} seen={connection} />}
      <div aria-live="polite">{change === undefined ? null : <Changed seen={connection} now={change.now} />}</div>
    </li>
  );
}

/** What stops working, for whoever takes a way in away. */
function Loss({
  connection: { accountName, linkIds, privateAddresses, lastTrafficAt },
}: {
  connection: ConnectionView;
}) {
  const values = { account: accountName, links: linkIds.join(", "), addresses: privateAddresses.join(", ") };
  return (
    <>
      <Text>
        <FormattedMessage id="decide.row.loss" values={values} />
      </Text>
      <Text>
        {lastTrafficAt === null ? (
          <FormattedMessage id="decide.row.unused" />
        ) : (
          <FormattedMessage id="decide.row.used" values={{ at: new Date(lastTrafficAt) }} />
        )}
      </Text>
    </>
  );
}

/** That it is no longer what the person saw, and what that means. */
function Changed({ seen, now }: { seen: ConnectionView; now: ConnectionView | undefined }) {
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>
          <FormattedMessage id="decide.changed" />
        </MessageBarTitle>{" "}
        <FormattedMessage id="decide.changed.effect" /> <StateNow now={now} /> <LastChange connection={seen} />
      </MessageBarBody>
    </MessageBar>
  );
}

function StateNow({ now }: { now: ConnectionView | undefined }) {
  if (now === undefined) return <FormattedMessage id="decide.result.gone" />;
  return (
    <>
      <FormattedMessage id="decide.result.now" /> <StateBadge state={now.state} />
    </>
  );
}

/** What came of it. A conflict shows what changed, and who did it. */
function Result({ result, seen }: { result: DecisionResult; seen: ConnectionView }) {
  if (result.outcome === "accepted") {
    return (
      <MessageBar intent="success">
        <MessageBarBody>
          <FormattedMessage id="decide.result.accepted" />
        </MessageBarBody>
      </MessageBar>
    );
  }
  const { connection, error } = result;
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>
          <FormattedMessage id={`decide.result.${result.outcome}`} />
        </MessageBarTitle>{" "}
        {error?.message} <StateNow now={connection} />{" "}
        {connection?.etag === seen.etag ? null : <LastChange connection={seen} />}
      </MessageBarBody>
    </MessageBar>
  );
}

/** What happened to a connection last, by whom, and why. */
function LastChange({ connection: { account, name } }: { connection: ConnectionView }) {
  const { data } = useRead<HistoryPage>("/history", { account, connection: name, limit: 1 });
  const last = data?.value[0];
  if (last === undefined) return null;
  const { from, to, at, comment = "" } = last;
  return (
    <>
      <FormattedMessage
        id="decide.result.last"
        values={{ at: new Date(at), from: from || "-", to: to || "-", actor: <Actor decision={last} /> }}
      />{" "}
      {comment === "" ? null : <FormattedMessage id="decide.result.comment" values={{ comment }} />}
    </>
  );
}
