"use client";

import { makeStyles, TableCell, TableRow } from "@fluentui/react-components";
import type { DecisionView } from "@linkgate/api/spec";
import { FormattedDate, FormattedMessage } from "react-intl";
import { connectionHref } from "../connections/columns.tsx";
import type { MessageId } from "../messages/messages.tsx";
import { CopyButton } from "../shell/copy-button.tsx";
import { DataTable } from "../shell/data-table.tsx";
import { PageLink } from "../shell/page-link.tsx";

const COLUMNS: readonly MessageId[] = [
  "history.at",
  "history.by",
  "history.action",
  "history.subject",
  "history.change",
  "history.comment",
  "history.correlationId",
];

const useStyles = makeStyles({ cell: { overflowWrap: "anywhere" } });

/** What happened, the newest first: who, when, why, from, to, and under which correlation id. */
export function HistoryTable({ decisions }: { decisions: readonly DecisionView[] }) {
  const styles = useStyles();
  return (
    <DataTable title="history.title" columns={COLUMNS} minWidth="62rem">
      {decisions.map(decision => (
        <TableRow key={decision.id}>
          <TableCell>
            <FormattedDate value={decision.at} dateStyle="medium" timeStyle="medium" />
          </TableCell>
          <TableCell className={styles.cell}>
            <Actor decision={decision} />
          </TableCell>
          <TableCell className={styles.cell}>{decision.action}</TableCell>
          <TableCell className={styles.cell}>
            <Subject decision={decision} />
          </TableCell>
          <TableCell className={styles.cell}>
            <FormattedMessage id="history.fromTo" values={{ from: decision.from || "-", to: decision.to || "-" }} />
          </TableCell>
          <TableCell className={styles.cell}>{decision.comment}</TableCell>
          <TableCell className={styles.cell}>
            <code>{decision.correlationId}</code>
            <CopyButton text={decision.correlationId} what="problem.correlationId.copy" />
          </TableCell>
        </TableRow>
      ))}
    </DataTable>
  );
}

/** Who decided, and by which way. */
export function Actor({ decision: { by, via } }: { decision: DecisionView }) {
  const name = by.name ?? by.objectId ?? by.appId;
  const way = <FormattedMessage id={`history.via.${via}`} />;
  return name === undefined ? way : <FormattedMessage id="history.by.via" values={{ name, way }} />;
}

function Subject({ decision: { account, connection } }: { decision: DecisionView }) {
  if (connection === undefined) return account;
  return <PageLink href={connectionHref({ account, name: connection })}>{connection}</PageLink>;
}
