"use client";

import {
  makeStyles,
  Table,
  TableBody,
  TableHeader,
  TableHeaderCell,
  TableRow,
  tokens,
} from "@fluentui/react-components";
import type { ReactNode } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import type { MessageId } from "../messages/messages.tsx";

const useStyles = makeStyles({
  scroll: { overflowX: "auto", width: "100%", backgroundColor: tokens.colorNeutralBackground1 },
});

export interface DataTableProps {
  /** Names the table, and the group that it scrolls in. */
  readonly title: MessageId;
  /** A text of the portal; or, where the columns come from the data, a name. */
  readonly columns: readonly (MessageId | { readonly id: string; readonly title: string })[];
  /** CSS width below which the table scrolls. */
  readonly minWidth: string;
  /** A `TableRow` each. */
  readonly children: ReactNode;
}

/** A table of some rows, which scrolls sideways by itself where the page is narrow. */
export function DataTable({ title, columns, minWidth, children }: DataTableProps) {
  const styles = useStyles();
  const name = useIntl().formatMessage({ id: title });
  return (
    // What scrolls has to be reached by keyboard (WCAG 2.1.1). A group, since the section around it often has the same name, and
    // landmarks need names of their own.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    // biome-ignore lint/a11y/useSemanticElements: there is no form here
    <div role="group" className={styles.scroll} tabIndex={0} aria-label={name}>
      <Table aria-label={name} style={{ minWidth }}>
        <TableHeader>
          <TableRow>
            {columns.map(column => (
              <TableHeaderCell key={typeof column === "string" ? column : column.id}>
                {typeof column === "string" ? <FormattedMessage id={column} /> : column.title}
              </TableHeaderCell>
            ))}
          </TableRow>
        </TableHeader>
        <TableBody>{children}</TableBody>
      </Table>
    </div>
  );
}
