"use client";

import { makeStyles, TableCell, TableRow, Text } from "@fluentui/react-components";
import type { ConnectionPage } from "@linkgate/api/spec";
import { FormattedDate, FormattedMessage } from "react-intl";
import { useRead } from "../api/queries.ts";
import { connectionHref } from "../connections/columns.tsx";
import { StateBadge } from "../connections/state-badge.tsx";
import type { MessageId } from "../messages/messages.tsx";
import { DataTable } from "../shell/data-table.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { PageLink } from "../shell/page-link.tsx";

/** As many as the API gives at once, and as an account may have. */
const CONNECTIONS = 200;
const COLUMNS: readonly MessageId[] = [
  "connection.name",
  "connection.state",
  "connection.linkIds",
  "connection.lastTraffic",
  "connection.lastDenied",
];

const useStyles = makeStyles({ cell: { overflowWrap: "anywhere" } });

/** An account's connections, and when a gate last saw each one's link. */
export function LastSeen({ account }: { account: string }) {
  const styles = useStyles();
  const connections = useRead<ConnectionPage>("/connections", { account, limit: CONNECTIONS }, { counted: true });
  return (
    <Loaded query={connections}>
      {({ value }) =>
        value.length === 0 ? (
          <Text block>
            <FormattedMessage id="account.connections.none" />
          </Text>
        ) : (
          <DataTable title="account.lastSeen" columns={COLUMNS} minWidth="56rem">
            {value.map(connection => (
              <TableRow key={connection.name}>
                <TableCell className={styles.cell}>
                  <PageLink href={connectionHref(connection)}>{connection.name}</PageLink>
                </TableCell>
                <TableCell>
                  <StateBadge state={connection.state} />
                </TableCell>
                <TableCell className={styles.cell}>{connection.linkIds.join(", ")}</TableCell>
                <TableCell>
                  <Seen at={connection.lastTrafficAt} />
                </TableCell>
                <TableCell>
                  <Seen at={connection.lastDeniedAt} />
                </TableCell>
              </TableRow>
            ))}
          </DataTable>
        )
      }
    </Loaded>
  );
}

/** The minute in which a gate last saw something; null where none did in the time that is kept. */
export function Seen({ at }: { at: string | null }) {
  if (at === null) return <FormattedMessage id="connection.notSeen" />;
  return <FormattedDate value={at} dateStyle="medium" timeStyle="short" />;
}
