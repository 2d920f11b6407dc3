"use client";

import { Button, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { FormattedMessage, useIntl } from "react-intl";
import { toProblem } from "../api/problem.ts";
import { SessionEnded } from "../session/sign-in.ts";
import { CopyButton } from "./copy-button.tsx";

/** Texts of what the portal finds by itself; the admin API has its own for all that it answers. */
const OWN_TEXTS = {
  NoAnswer: "problem.noAnswer",
  NoSignIn: "problem.noSignIn",
  UnexpectedAnswer: "problem.unexpectedAnswer",
} as const;

/** What went wrong, for people; the correlation id to copy, for whoever looks into the log. */
export function ProblemBar({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { formatMessage } = useIntl();
  // The frame says so already, once for the whole page.
  if (error instanceof SessionEnded) return null;
  const { status, code, message, correlationId } = toProblem(error);
  if (status === 401) return null;
  const own = OWN_TEXTS[code as keyof typeof OWN_TEXTS];
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>
          <FormattedMessage id={status === 403 ? "problem.noPermission" : "problem.title"} />
        </MessageBarTitle>{" "}
        {own === undefined ? message : formatMessage({ id: own }, { status })}
        {correlationId === "" ? null : (
          <>
            {" "}
            <FormattedMessage id="problem.correlationId" values={{ id: <code>{correlationId}</code> }} />
            <CopyButton text={correlationId} what="problem.correlationId.copy" />
          </>
        )}
      </MessageBarBody>
      {onRetry === undefined ? null : (
        <MessageBarActions>
          <Button onClick={onRetry}>
            <FormattedMessage id="problem.retry" />
          </Button>
        </MessageBarActions>
      )}
    </MessageBar>
  );
}
