"use client";

import { makeStyles, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { FormattedMessage } from "react-intl";
import type { MessageId } from "../messages/messages.tsx";

const useStyles = makeStyles({
  list: {
    display: "grid",
    gridTemplateColumns: "minmax(9rem, max-content) 1fr",
    gap: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalL}`,
    margin: 0,
    "@media (max-width: 480px)": { gridTemplateColumns: "1fr" },
  },
  term: { color: tokens.colorNeutralForeground2 },
  fact: { margin: 0, overflowWrap: "anywhere", minWidth: 0 },
});

/** Names and values. One without a value is left out. */
export function Facts({ facts }: { facts: readonly (readonly [name: MessageId, value: ReactNode])[] }) {
  const styles = useStyles();
  return (
    <dl className={styles.list}>
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== "")
        .map(([name, value]) => [
          <dt key={`${name} name`} className={styles.term}>
            <FormattedMessage id={name} />
          </dt>,
          <dd key={`${name} value`} className={styles.fact}>
            {value}
          </dd>,
        ])}
    </dl>
  );
}
