"use client";

import { makeStyles, TableCell, TableRow, Text, tokens } from "@fluentui/react-components";
import type { ConnectionPage } from "@linkgate/api/spec";
import { FormattedMessage, FormattedNumber } from "react-intl";
import { DataTable } from "../shell/data-table.tsx";

const HOUR = 3_600_000;
const AGES = [
  ["home.age.older", Number.POSITIVE_INFINITY],
  ["home.age.week", 7 * 24 * HOUR],
  ["home.age.day", 24 * HOUR],
  ["home.age.hour", HOUR],
] as const;

const useStyles = makeStyles({
  table: { marginTop: tokens.spacingVerticalL, maxWidth: "32rem" },
  bar: {
    display: "block",
    width: "100%",
    height: "8px",
    fill: tokens.colorBrandForeground1,
    "@media (forced-colors: active)": { fill: "CanvasText" },
  },
});

/** How long pending requests have waited: a bar for each age beside its number. @param page the oldest first */
export function PendingByAge({ page: { value, counts }, now }: { page: ConnectionPage; now: number }) {
  const styles = useStyles();
  const numbers = countByAge(
    value.map(({ requestedAt }) => Date.parse(requestedAt)),
    now,
  );
  const most = Math.max(1, ...numbers);
  const others = counts.Pending - value.length;
  return (
    <div className={styles.table}>
      <DataTable title="home.byAge" columns={["home.age", "home.age.requests"]} minWidth="16rem">
        {AGES.map(([id], index) => (
          <TableRow key={id}>
            <TableCell>
              <FormattedMessage id={id} />
            </TableCell>
            <TableCell>
              <FormattedNumber value={numbers[index] ?? 0} />
              <svg className={styles.bar} aria-hidden>
                <rect width={`${((numbers[index] ?? 0) / most) * 100}%`} height="8" />
              </svg>
            </TableCell>
          </TableRow>
        ))}
      </DataTable>
      {others > 0 ? (
        <Text size={200}>
          <FormattedMessage id="home.age.others" values={{ count: others }} />
        </Text>
      ) : null}
    </div>
  );
}

/** How many of these moments are how long ago: longer than a week, up to a week, a day, an hour. */
export function countByAge(moments: readonly number[], now: number): number[] {
  const limits = AGES.map(([, limit]) => limit);
  return limits.map((limit, index) => {
    const next = limits[index + 1] ?? Number.NEGATIVE_INFINITY;
    return moments.filter(moment => now - moment <= limit && now - moment > next).length;
  });
}
