"use client";

import { Checkbox, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { ArrowDownRegular, ArrowUpRegular } from "@fluentui/react-icons";
import type { ConnectionView } from "@linkgate/api/spec";
import { useEffect, useRef, useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { type Column, columns } from "./columns.tsx";
import { keyOf } from "./legality.ts";
import type { ConnectionSort } from "./list-state.ts";

const ROW_HEIGHT = 44;
/** Rows that are kept beside those in sight. */
const OVERSCAN = 8;

const useStyles = makeStyles({
  scroll: {
    overflow: "auto",
    maxHeight: "70vh",
    minHeight: "12rem",
    backgroundColor: tokens.colorNeutralBackground1,
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  table: { tableLayout: "fixed", borderCollapse: "collapse", width: "100%" },
  check: { width: "44px" },
  head: { position: "sticky", top: 0, zIndex: 1, backgroundColor: tokens.colorNeutralBackground1 },
  row: {
    height: `${ROW_HEIGHT}px`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    ":hover": { backgroundColor: tokens.colorNeutralBackground1Hover },
  },
  selected: { backgroundColor: tokens.colorNeutralBackground1Selected },
  cell: {
    padding: `0 ${tokens.spacingHorizontalS}`,
    textAlign: "start",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
  },
  sort: {
    backgroundColor: "transparent",
    border: "none",
    padding: 0,
    font: "inherit",
    color: "inherit",
    cursor: "pointer",
    display: "inline-flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalXS,
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
});

export interface ConnectionsTableProps {
  readonly rows: readonly ConnectionView[];
  /** Names what is listed: filters, order, page. Another one begins at its top. */
  readonly view: string;
  readonly sort: ConnectionSort;
  readonly order: "asc" | "desc";
  readonly selected: ReadonlySet<string>;
  onSort(sort: ConnectionSort, order: "asc" | "desc"): void;
  onSelect(selected: ReadonlySet<string>): void;
}

/** The rows of one page. Only those in sight are in the document, so the table says itself how many there are (ARIA 1.2). */
export function ConnectionsTable({ rows, view, sort, order, selected, onSort, onSelect }: ConnectionsTableProps) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const scroll = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(0);
  // The table is never higher than the window, so this many rows fill it.
  const first = Math.max(0, Math.min(scrolled, rows.length) - OVERSCAN);
  const last = Math.min(rows.length, scrolled + Math.ceil(window.innerHeight / ROW_HEIGHT) + OVERSCAN);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the change of the view that scrolls
  useEffect(() => {
    if (scroll.current !== null) scroll.current.scrollTop = 0;
  }, [view]);
  const isEveryOne = rows.length > 0 && rows.every(row => selected.has(keyOf(row)));
  const toggle = (key: string) => {
    const next = new Set(selected);
    if (!next.delete(key)) next.add(key);
    onSelect(next);
  };
  return (
    <section
      ref={scroll}
      onScroll={({ currentTarget }) => setScrolled(Math.floor(currentTarget.scrollTop / ROW_HEIGHT))}
      className={styles.scroll}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard (WCAG 2.1.1)
      tabIndex={0}
      aria-label={formatMessage({ id: "connections.title" })}
    >
      <table
        className={styles.table}
        aria-label={formatMessage({ id: "connections.title" })}
        aria-rowcount={rows.length + 1}
      >
        <colgroup>
          <col className={styles.check} />
          {columns.map(({ id, width }) => (
            <col key={id} style={{ width }} />
          ))}
        </colgroup>
        <thead className={styles.head}>
          <tr aria-rowindex={1} className={styles.row}>
            <th scope="col">
              <Checkbox
                aria-label={formatMessage({ id: "connections.selectAll" })}
                checked={isEveryOne ? true : selected.size > 0 ? "mixed" : false}
                onChange={() => onSelect(isEveryOne ? new Set() : new Set(rows.map(keyOf)))}
              />
            </th>
            {columns.map(column => (
              <HeaderCell key={column.id} column={column} sort={sort} order={order} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={first} />
          {rows.slice(first, last).map((row, index) => {
            const key = keyOf(row);
            const isSelected = selected.has(key);
            return (
              <tr
                key={key}
                aria-rowindex={first + index + 2}
                className={mergeClasses(styles.row, isSelected && styles.selected)}
              >
                <td>
                  <Checkbox
                    aria-label={formatMessage({ id: "connections.select" }, { name: row.name })}
                    checked={isSelected}
                    onChange={() => toggle(key)}
                  />
                </td>
                {columns.map(column => (
                  <td key={column.id} className={styles.cell}>
                    {column.render(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          <Gap rows={rows.length - last} />
        </tbody>
      </table>
    </section>
  );
}

/** Stands for the rows that are out of sight. */
function Gap({ rows }: { rows: number }) {
  if (rows <= 0) return null;
  return (
    <tr aria-hidden>
      <td colSpan={columns.length + 1} style={{ height: rows * ROW_HEIGHT }} />
    </tr>
  );
}

interface HeaderCellProps extends Pick<ConnectionsTableProps, "sort" | "order" | "onSort"> {
  readonly column: Column;
}

function HeaderCell({ column, sort, order, onSort }: HeaderCellProps) {
  const styles = useStyles();
  const title = <FormattedMessage id={column.title} />;
  const by = column.sort;
  if (by === undefined) {
    return (
      <th scope="col" className={styles.cell}>
        {title}
      </th>
    );
  }
  const isSorted = by === sort;
  return (
    <th
      scope="col"
      className={styles.cell}
      aria-sort={isSorted ? (order === "asc" ? "ascending" : "descending") : "none"}
    >
      <button
        type="button"
        className={styles.sort}
        onClick={() => onSort(by, isSorted && order === "asc" ? "desc" : "asc")}
      >
        {title}
        {isSorted ? order === "asc" ? <ArrowUpRegular aria-hidden /> : <ArrowDownRegular aria-hidden /> : null}
      </button>
    </th>
  );
}
