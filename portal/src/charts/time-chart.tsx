"use client";

import { Button, makeStyles, TableCell, TableRow, Text, tokens } from "@fluentui/react-components";
import { ChevronDownRegular, ChevronRightRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import type { MessageId } from "../messages/messages.tsx";
import { DataTable } from "../shell/data-table.tsx";
import type { Bars, BarUnit } from "./time-range.ts";

/** Something that is counted over time. */
export interface Series {
  readonly id: string;
  readonly label: string;
  /** One for each bar; not negative. */
  readonly values: readonly number[];
}

export interface TimeChartProps {
  /** What is counted. */
  readonly title: MessageId;
  readonly bars: Bars;
  readonly series: readonly Series[];
  /** A value or a sum of them, for people. */
  format(value: number): string;
}

const FORMATS: Readonly<Record<BarUnit, Intl.DateTimeFormatOptions>> = {
  minute: { hour: "numeric", minute: "2-digit" },
  hour: { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
};
/** Of 100: what is least is seen, too. */
const LEAST = 4;

const useStyles = makeStyles({
  row: {
    display: "grid",
    gridTemplateColumns: "minmax(9rem, 16rem) 1fr",
    alignItems: "end",
    gap: tokens.spacingHorizontalM,
    marginBottom: tokens.spacingVerticalS,
    "@media (max-width: 640px)": { gridTemplateColumns: "1fr", gap: 0 },
  },
  label: { display: "flex", flexDirection: "column", overflowWrap: "anywhere", minWidth: 0 },
  secondary: { color: tokens.colorNeutralForeground2 },
  bars: {
    display: "block",
    width: "100%",
    height: "48px",
    borderBottom: `1px solid ${tokens.colorNeutralStroke1}`,
    fill: tokens.colorBrandForeground1,
    // Drawings keep their colours where the person has chosen all others.
    "@media (forced-colors: active)": { fill: "CanvasText", borderBottomColor: "CanvasText" },
  },
  axis: { display: "flex", justifyContent: "space-between", color: tokens.colorNeutralForeground2 },
});

/**
 * Bars over time, a row for each series, all to one scale: rows are told apart by their names and not by colours. The same
 * stands below as a table.
 */
export function TimeChart({ title, bars, series, format }: TimeChartProps) {
  const styles = useStyles();
  const { formatDate } = useIntl();
  const [isOpen, setOpen] = useState(false);
  const most = Math.max(0, ...series.flatMap(({ values }) => values));
  const name = (start: number | undefined) => formatDate(start, FORMATS[bars.unit]);
  return (
    <>
      {series.map(each => (
        <div key={each.id} className={styles.row}>
          <div className={styles.label}>
            <Text>{each.label}</Text>
            <Text size={200} className={styles.secondary}>
              <FormattedMessage id="chart.total" values={{ total: format(sum(each.values)) }} />
            </Text>
          </div>
          <Row series={each} bars={bars} most={most} format={format} name={name} />
        </div>
      ))}
      <div className={styles.row}>
        <Text size={200} className={styles.secondary}>
          <FormattedMessage id={`chart.scale.${bars.unit}`} values={{ most: format(most) }} />
        </Text>
        <div className={styles.axis} aria-hidden>
          <Text size={200}>{name(bars.starts.at(0))}</Text>
          <Text size={200}>{name(bars.starts.at(-1))}</Text>
        </div>
      </div>
      <Button
        appearance="subtle"
        aria-expanded={isOpen}
        icon={isOpen ? <ChevronDownRegular /> : <ChevronRightRegular />}
        onClick={() => setOpen(!isOpen)}
      >
        <FormattedMessage id="chart.table" />
      </Button>
      {isOpen ? <Twin title={title} bars={bars} series={series} format={format} name={name} /> : null}
    </>
  );
}

interface RowProps {
  readonly series: Series;
  readonly bars: Bars;
  readonly most: number;
  format(value: number): string;
  name(start: number | undefined): string;
}

/** Drawn in units of bars and hundredths of the scale, and stretched to the place there is. */
function Row({ series: { label, values }, bars, most, format, name }: RowProps) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const peak = values.indexOf(Math.max(...values));
  const said = formatMessage(
    { id: "chart.row" },
    { label, total: format(sum(values)), most: format(values[peak] ?? 0), when: name(bars.starts[peak]) },
  );
  return (
    <svg
      role="img"
      aria-label={said}
      className={styles.bars}
      viewBox={`0 0 ${values.length} 100`}
      preserveAspectRatio="none"
    >
      {values.map((value, index) => {
        const height = value === 0 ? 0 : Math.max(LEAST, (value / most) * 100);
        const start = bars.starts[index];
        return (
          <g key={start}>
            <title>{`${name(start)}: ${format(value)}`}</title>
            <rect x={index} y="0" width="1" height="100" fill="transparent" />
            <rect x={index + 0.1} y={100 - height} width="0.8" height={height} />
          </g>
        );
      })}
    </svg>
  );
}

/** The same in numbers, the newest first. */
function Twin({ title, bars, series, format, name }: TimeChartProps & Pick<RowProps, "name">) {
  const styles = useStyles();
  const rows = bars.starts
    .map((start, index) => ({ start, values: series.map(({ values }) => values[index] ?? 0) }))
    .filter(({ values }) => values.some(value => value > 0))
    .toReversed();
  return (
    <>
      <DataTable
        title={title}
        columns={["chart.when", ...series.map(({ id, label }) => ({ id, title: label }))]}
        minWidth={`${8 + series.length * 8}rem`}
      >
        {rows.map(({ start, values }) => (
          <TableRow key={start}>
            <TableCell>{name(start)}</TableCell>
            {values.map((value, index) => (
              <TableCell key={series[index]?.id}>{format(value)}</TableCell>
            ))}
          </TableRow>
        ))}
      </DataTable>
      <Text size={200} className={styles.secondary}>
        <FormattedMessage id="chart.table.rest" />
      </Text>
    </>
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
