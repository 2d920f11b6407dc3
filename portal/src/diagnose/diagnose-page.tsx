"use client";

import {
  Button,
  Field,
  Input,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import type { AccountView, ConnectionPage } from "@linkgate/api/spec";
import { type FormEvent, useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { toPath } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import { useRead } from "../api/queries.ts";
import { Facts } from "../shell/facts.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { ProblemBar } from "../shell/problem-bar.tsx";
import { Section } from "../shell/section.tsx";
import { diagnose, type KnownAccount, labelOf } from "./diagnose.ts";

/** Approved connections that are looked at; no account may have more. */
const CONNECTIONS = 200;

const useStyles = makeStyles({
  form: {
    display: "flex",
    flexDirection: "column",
    alignItems: "start",
    gap: tokens.spacingVerticalM,
    marginBottom: tokens.spacingVerticalL,
  },
  field: { width: "100%", maxWidth: "32rem" },
});

interface Question {
  readonly address: string;
  readonly host: string;
}

/** What a gate would do with a request from an address to a host, and why. */
export function DiagnosePage() {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const [draft, setDraft] = useState<Question>({ address: "", host: "" });
  const [question, setQuestion] = useState<Question>();
  const ask = (event: FormEvent) => {
    event.preventDefault();
    setQuestion({ address: draft.address.trim(), host: draft.host.trim() });
  };
  return (
    <>
      <PageHeader title={formatMessage({ id: "diagnose.title" })} />
      <form className={styles.form} onSubmit={ask}>
        <Text>
          <FormattedMessage id="diagnose.about" />
        </Text>
        <Field
          className={styles.field}
          label={formatMessage({ id: "diagnose.address" })}
          hint={formatMessage({ id: "diagnose.address.hint" })}
          required
        >
          <Input value={draft.address} onChange={(_, { value }) => setDraft({ ...draft, address: value })} />
        </Field>
        <Field className={styles.field} label={formatMessage({ id: "diagnose.host" })} required>
          <Input value={draft.host} onChange={(_, { value }) => setDraft({ ...draft, host: value })} />
        </Field>
        <Button appearance="primary" type="submit" disabled={draft.address.trim() === "" || draft.host.trim() === ""}>
          <FormattedMessage id="diagnose.ask" />
        </Button>
      </form>
      {question === undefined ? null : <Answer question={question} />}
    </>
  );
}

function Answer({ question }: { question: Question }) {
  const label = labelOf(question.host);
  const account = useRead<AccountView>(`/accounts${toPath(label || "-")}`);
  const approved = useRead<ConnectionPage>("/connections", { account: label, state: ["Approved"], limit: CONNECTIONS });
  const error = account.error ?? approved.error;
  if (error instanceof Problem && error.status === 404) {
    return (
      <MessageBar intent="warning" layout="multiline">
        <MessageBarBody>
          <FormattedMessage id="diagnose.notYours" values={{ account: label }} />
        </MessageBarBody>
      </MessageBar>
    );
  }
  if (error !== null) return <ProblemBar error={error} onRetry={() => void account.refetch()} />;
  if (account.data === undefined || approved.data === undefined) return null;
  const linkIds = approved.data.value.flatMap(connection => connection.linkIds);
  return <Verdict question={question} known={{ ...account.data, linkIds }} />;
}

function Verdict({ question, known }: { question: Question; known: KnownAccount }) {
  const { isAllowed, reason, explanation, isPrivateHost, client } = diagnose(question.address, question.host, known);
  const host = isPrivateHost === undefined ? "unknown" : isPrivateHost ? "private" : "public";
  return (
    <Section title="diagnose.verdict">
      <MessageBar intent={isAllowed ? "success" : "error"} layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>
            <FormattedMessage id={isAllowed ? "diagnose.allowed" : "diagnose.denied"} />
          </MessageBarTitle>{" "}
          {explanation}
        </MessageBarBody>
      </MessageBar>
      <Facts
        facts={[
          ["diagnose.step.host", <FormattedMessage key="host" id={`diagnose.host.${host}`} />],
          [
            "diagnose.step.source",
            client === "" ? (
              <FormattedMessage key="source" id="diagnose.source.noLink" />
            ) : (
              <FormattedMessage key="source" id="diagnose.source.link" values={{ client }} />
            ),
          ],
          [
            "diagnose.step.account",
            <FormattedMessage
              key="account"
              id="diagnose.account.knows"
              values={{
                account: known.account,
                links: known.linkIds.length === 0 ? "-" : known.linkIds.join(", "),
                access: known.publicNetworkAccess,
              }}
            />,
          ],
          ["diagnose.step.reason", <code key="reason">{reason}</code>],
        ]}
      />
    </Section>
  );
}
