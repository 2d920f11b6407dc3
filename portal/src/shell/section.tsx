"use client";

import { makeStyles, Subtitle1, tokens } from "@fluentui/react-components";
import { type ReactNode, useId } from "react";
import { FormattedMessage } from "react-intl";
import type { MessageId } from "../messages/messages.tsx";

const useStyles = makeStyles({
  section: {
    padding: tokens.spacingHorizontalL,
    marginBottom: tokens.spacingVerticalL,
    backgroundColor: tokens.colorNeutralBackground1,
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  title: { display: "block", marginTop: 0, marginBottom: tokens.spacingVerticalM },
});

/** A part of a page, with its own heading. */
export function Section({ title, children }: { title: MessageId; children: ReactNode }) {
  const styles = useStyles();
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={id}>
      <Subtitle1 as="h2" id={id} className={styles.title}>
        <FormattedMessage id={title} />
      </Subtitle1>
      {children}
    </section>
  );
}
