"use client";

import { Link, MessageBar, MessageBarBody, makeStyles, tokens } from "@fluentui/react-components";
import NextLink from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { useLiveness } from "../api/live-queries.tsx";
import { useSession } from "../session/session.tsx";
import { destinations, findDestination } from "./navigation.ts";
import { Person } from "./person.tsx";
import { SessionBar } from "./session-bar.tsx";

const NARROW = "@media (max-width: 640px)";

const useStyles = makeStyles({
  page: {
    minHeight: "100vh",
    display: "flex",
    flexDirection: "column",
    backgroundColor: tokens.colorNeutralBackground2,
  },
  skip: {
    position: "absolute",
    left: "-10000px",
    ":focus": { left: tokens.spacingHorizontalM, top: tokens.spacingVerticalM, zIndex: 1 },
  },
  header: {
    display: "flex",
    alignItems: "center",
    justifyContent: "space-between",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalL}`,
    backgroundColor: tokens.colorNeutralBackground1,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  brand: { fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase400 },
  body: { display: "flex", flexGrow: 1, minWidth: 0, [NARROW]: { flexDirection: "column" } },
  nav: {
    width: "200px",
    flexShrink: 0,
    padding: tokens.spacingVerticalM,
    [NARROW]: { width: "auto", padding: tokens.spacingVerticalXS },
  },
  list: {
    listStyleType: "none",
    margin: 0,
    padding: 0,
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalXXS,
    [NARROW]: { flexDirection: "row", flexWrap: "wrap" },
  },
  link: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    padding: `${tokens.spacingVerticalSNudge} ${tokens.spacingHorizontalM}`,
    borderRadius: tokens.borderRadiusMedium,
    color: tokens.colorNeutralForeground1,
    textDecorationLine: "none",
    borderLeft: "3px solid transparent",
    ":hover": { backgroundColor: tokens.colorNeutralBackground1Hover },
    "&[aria-current]": {
      borderLeftColor: tokens.colorBrandStroke1,
      fontWeight: tokens.fontWeightSemibold,
      backgroundColor: tokens.colorNeutralBackground1Selected,
    },
  },
  main: {
    flexGrow: 1,
    minWidth: 0,
    padding: tokens.spacingHorizontalL,
    ":focus": { outlineStyle: "none" },
    [NARROW]: { padding: tokens.spacingHorizontalM },
  },
});

/** Header, navigation and the page. */
export function Frame({ children }: { children: ReactNode }) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const current = findDestination(usePathname());
  return (
    <div className={styles.page}>
      <Link className={styles.skip} href="#main">
        <FormattedMessage id="shell.skip" />
      </Link>
      <header className={styles.header}>
        <span className={styles.brand}>
          <FormattedMessage id="shell.brand" />
        </span>
        <Person />
      </header>
      <Notices />
      <div className={styles.body}>
        <nav className={styles.nav} aria-label={formatMessage({ id: "shell.navigation" })}>
          <ul className={styles.list}>
            {destinations.map(destination => (
              <li key={destination.href}>
                <NextLink
                  className={styles.link}
                  href={destination.href}
                  aria-current={destination === current ? "page" : undefined}
                >
                  <destination.icon aria-hidden />
                  <FormattedMessage id={destination.title} />
                </NextLink>
              </li>
            ))}
          </ul>
        </nav>
        <main id="main" tabIndex={-1} className={styles.main}>
          {children}
        </main>
      </div>
    </div>
  );
}

/** What concerns every page: a session that is over, and changes that don't come by themselves. */
function Notices() {
  const { hasEnded } = useSession();
  const liveness = useLiveness();
  if (hasEnded) return <SessionBar />;
  if (liveness !== "polling") return null;
  return (
    <MessageBar intent="info" politeness="polite">
      <MessageBarBody>
        <FormattedMessage id="shell.polling" />
      </MessageBarBody>
    </MessageBar>
  );
}
