"use client";

import { Button, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { FormattedMessage } from "react-intl";
import { toProblem } from "../api/problem.ts";
import { SessionEnded } from "../session/sign-in.ts";
import { CopyButton } from "./copy-button.tsx";

/** What went wrong, for people; the correlation id to copy, for whoever looks into the log. */
export function ProblemBar({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  // The frame says so already, once for the whole page.
  if (error instanceof SessionEnded) return null;
  const { status, message, correlationId } = toProblem(error);
  if (status === 401) return null;
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>
          <FormattedMessage id={status === 403 ? "problem.noPermission" : "problem.title"} />
        </MessageBarTitle>{" "}
        {message}
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
