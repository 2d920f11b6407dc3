"use client";

import { makeStyles, Title2, tokens } from "@fluentui/react-components";
import { type ReactNode, useEffect } from "react";
import { useIntl } from "react-intl";

const useStyles = makeStyles({
  header: {
    display: "flex",
    alignItems: "center",
    justifyContent: "space-between",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    marginBottom: tokens.spacingVerticalL,
  },
  title: { margin: 0, overflowWrap: "anywhere" },
});

/** A page's one heading, which names the tab too. */
export function PageHeader({ title, children }: { title: string; children?: ReactNode }) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  useEffect(() => {
    document.title = formatMessage({ id: "shell.title" }, { page: title });
  }, [formatMessage, title]);
  return (
    <div className={styles.header}>
      <Title2 as="h1" className={styles.title}>
        {title}
      </Title2>
      {children}
    </div>
  );
}
