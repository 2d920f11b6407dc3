"use client";

import { makeStyles, TableCell, TableRow, Text } from "@fluentui/react-components";
import type { AccountTraffic, TrafficPoint, TrafficReport } from "@linkgate/api/spec";
import { keepPreviousData } from "@tanstack/react-query";
import { FormattedMessage, FormattedNumber, useIntl } from "react-intl";
import { AccountLink } from "../accounts/account-link.tsx";
import { useRead } from "../api/queries.ts";
import {
  type CountFilter,
  followCounts,
  toQuery,
  useBars,
  useCountFilter,
  writeCountFilter,
} from "../charts/count-filter.ts";
import { CountFilters } from "../charts/count-filters.tsx";
import { formatBytes } from "../charts/format-bytes.ts";
import { Omitted } from "../charts/omitted.tsx";
import { TimeChart } from "../charts/time-chart.tsx";
import { type Bars, sumInBars } from "../charts/time-range.ts";
import type { MessageId } from "../messages/messages.tsx";
import { DataTable } from "../shell/data-table.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { Section } from "../shell/section.tsx";

const COLUMNS: readonly MessageId[] = [
  "connection.account",
  "traffic.requests",
  "traffic.admitted",
  "traffic.denied",
  "traffic.bytes",
];

/** What is drawn over time. */
const SHOWN = ["admitted", "denied", "bytes"] as const;

const useStyles = makeStyles({ cell: { overflowWrap: "anywhere" } });

/** Requests and bytes over time, of one account or of all that the person may read. */
export function TrafficPage() {
  const { formatMessage } = useIntl();
  const [filter, change] = useCountFilter();
  const bars = useBars(filter.range);
  const shown = { ...filter, reason: "", connection: "" };
  const report = useRead<TrafficReport>("/traffic", toQuery(shown, bars), {
    placeholderData: keepPreviousData,
    ...followCounts(filter.range),
  });
  return (
    <>
      <PageHeader title={formatMessage({ id: "traffic.title" })} />
      <CountFilters filter={shown} onChange={change} />
      <Loaded query={report}>
        {({ total, series, value, omitted }) =>
          total.requests === 0 ? (
            <Text>
              <FormattedMessage id={filter.account === "" ? "traffic.none" : "traffic.noMatch"} />
            </Text>
          ) : (
            <>
              {SHOWN.map(what => (
                <Section key={what} title={`traffic.${what}`}>
                  <OverTime what={what} account={filter.account} points={series} bars={bars} />
                </Section>
              ))}
              <Section title="traffic.byAccount">
                <Accounts accounts={value} omitted={omitted} filter={filter} />
              </Section>
            </>
          )
        }
      </Loaded>
    </>
  );
}

interface OverTimeProps {
  readonly what: (typeof SHOWN)[number];
  /** Empty: all of them. */
  readonly account: string;
  readonly points: readonly TrafficPoint[];
  readonly bars: Bars;
}

/** Each with a scale of its own: beside what is let in, what is denied would be a line. */
function OverTime({ what, account, points, bars }: OverTimeProps) {
  const intl = useIntl();
  const values = sumInBars(
    bars,
    points,
    ({ at }) => at,
    point => point[what],
  );
  const label = account === "" ? intl.formatMessage({ id: "connections.allAccounts" }) : account;
  const format = (value: number) => (what === "bytes" ? formatBytes(intl, value) : intl.formatNumber(value));
  return <TimeChart title={`traffic.${what}`} bars={bars} series={[{ id: what, label, values }]} format={format} />;
}

interface AccountsProps {
  readonly accounts: readonly AccountTraffic[];
  readonly omitted: number;
  readonly filter: CountFilter;
}

function Accounts({ accounts, omitted, filter: { range } }: AccountsProps) {
  const styles = useStyles();
  const intl = useIntl();
  return (
    <>
      <DataTable title="traffic.byAccount" columns={COLUMNS} minWidth="44rem">
        {accounts.map(({ account, requests, admitted, denied, bytes }) => (
          <TableRow key={account ?? ""}>
            <TableCell className={styles.cell}>
              <AccountLink account={account} />
            </TableCell>
            <TableCell>
              <FormattedNumber value={requests} />
            </TableCell>
            <TableCell>
              <FormattedNumber value={admitted} />
            </TableCell>
            <TableCell>
              {account === null || denied === 0 ? (
                <FormattedNumber value={denied} />
              ) : (
                <PageLink href={`/denials${writeCountFilter({ range, account })}`}>
                  <FormattedNumber value={denied} />
                </PageLink>
              )}
            </TableCell>
            <TableCell>{formatBytes(intl, bytes)}</TableCell>
          </TableRow>
        ))}
      </DataTable>
      <Omitted count={omitted} />
    </>
  );
}
