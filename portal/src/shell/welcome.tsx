"use client";

import { Button, makeStyles, Spinner, Text, Title1, tokens } from "@fluentui/react-components";
import { type ReactNode, useState } from "react";
import { FormattedMessage } from "react-intl";
import { ProblemBar } from "./problem-bar.tsx";

const useStyles = makeStyles({
  page: {
    minHeight: "100vh",
    display: "flex",
    alignItems: "center",
    justifyContent: "center",
    padding: tokens.spacingHorizontalL,
    boxSizing: "border-box",
    backgroundColor: tokens.colorNeutralBackground2,
  },
  card: {
    maxWidth: "480px",
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalL,
    alignItems: "start",
  },
});

function Card({ children }: { children: ReactNode }) {
  const styles = useStyles();
  return (
    <main className={styles.page}>
      <div className={styles.card}>{children}</div>
    </main>
  );
}

/** While the sign-in is opened. */
export function Opening() {
  return (
    <Card>
      <Spinner label={<FormattedMessage id="session.opening" />} />
    </Card>
  );
}

/** When the sign-in could not be opened. */
export function Failed({ error }: { error: unknown }) {
  return (
    <Card>
      <Title1 as="h1">
        <FormattedMessage id="session.failed" />
      </Title1>
      <ProblemBar error={error} onRetry={() => location.assign("/")} />
    </Card>
  );
}

/** For whoever is not signed in. */
export function Welcome({ onSignIn }: { onSignIn: () => Promise<void> }) {
  const [isLeaving, setLeaving] = useState(false);
  const [error, setError] = useState<unknown>();
  const leave = () => {
    setLeaving(true);
    onSignIn().catch((reason: unknown) => {
      setError(reason);
      setLeaving(false);
    });
  };
  return (
    <Card>
      <Title1 as="h1">
        <FormattedMessage id="shell.brand" />
      </Title1>
      <Text>
        <FormattedMessage id="session.welcome" />
      </Text>
      <Button appearance="primary" disabled={isLeaving} onClick={leave}>
        <FormattedMessage id="session.signIn" />
      </Button>
      {error === undefined ? null : <ProblemBar error={error} />}
    </Card>
  );
}
