"use client";

import {
  Field,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Select,
  TableCell,
  TableRow,
  Text,
  tokens,
} from "@fluentui/react-components";
import type { CountStep, DenialGroup, DenialPoint, DenialReport } from "@linkgate/api/spec";
import { keepPreviousData } from "@tanstack/react-query";
import {
  FormattedDate,
  FormattedDateTimeRange,
  FormattedList,
  FormattedMessage,
  FormattedNumber,
  useIntl,
} from "react-intl";
import { AccountLink } from "../accounts/account-link.tsx";
import { useRead } from "../api/queries.ts";
import { followCounts, toQuery, useBars, useCountFilter } from "../charts/count-filter.ts";
import { CountFilters } from "../charts/count-filters.tsx";
import { Omitted } from "../charts/omitted.tsx";
import { TimeChart } from "../charts/time-chart.tsx";
import { type Bars, sumInBars } from "../charts/time-range.ts";
import { connectionHref } from "../connections/columns.tsx";
import type { MessageId } from "../messages/messages.tsx";
import { DataTable } from "../shell/data-table.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { Section } from "../shell/section.tsx";
import { OriginText } from "./origin-text.tsx";
import { nameReason, REASONS } from "./reason-text.ts";

const COLUMNS: readonly MessageId[] = [
  "connection.account",
  "denials.reason",
  "denials.origin",
  "denials.requests",
  "denials.last",
];
const HOUR = 3_600_000;
/** Pending connections that are named above all else; the table has them all. */
const NAMED = 3;

const useStyles = makeStyles({
  pending: { marginBottom: tokens.spacingVerticalL },
  cell: { overflowWrap: "anywhere" },
  // What to look for in an access log.
  code: { display: "block", color: tokens.colorNeutralForeground2 },
});

/** What the gates turned away of the accounts that the person may read: why, when, and where it came from. */
export function DenialsPage() {
  const intl = useIntl();
  const [filter, change] = useCountFilter();
  const bars = useBars(filter.range);
  const report = useRead<DenialReport>("/denials", toQuery(filter, bars), {
    placeholderData: keepPreviousData,
    ...followCounts(filter.range),
  });
  const isFiltered = filter.account !== "" || filter.reason !== "" || filter.connection !== "";
  return (
    <>
      <PageHeader title={intl.formatMessage({ id: "denials.title" })} />
      <CountFilters filter={filter} onChange={change}>
        <ReasonDropdown reason={filter.reason} onChange={reason => change({ reason })} />
      </CountFilters>
      {filter.connection === "" ? null : (
        <Text block>
          <FormattedMessage id="denials.only" values={{ name: filter.connection }} />
        </Text>
      )}
      <Loaded query={report}>
        {found =>
          found.requests === 0 ? (
            <Text>
              <FormattedMessage id={isFiltered ? "denials.noMatch" : "denials.none"} />
            </Text>
          ) : (
            <>
              <Pending groups={found.value} />
              <Section title="denials.overTime">
                <ReasonsOverTime points={found.series} bars={bars} />
              </Section>
              <Section title="denials.groups">
                <Groups report={found} />
              </Section>
            </>
          )
        }
      </Loaded>
    </>
  );
}

function ReasonDropdown({ reason, onChange }: { reason: string; onChange(reason: string): void }) {
  const intl = useIntl();
  return (
    <Field label={intl.formatMessage({ id: "denials.reason" })}>
      <Select value={reason} onChange={(_, { value }) => onChange(value)}>
        <option value="">{intl.formatMessage({ id: "denials.allReasons" })}</option>
        {REASONS.map(each => (
          <option key={each} value={each}>
            {nameReason(intl, each)}
          </option>
        ))}
      </Select>
    </Field>
  );
}

/** What most people come here for: somebody is waiting to be let in. */
function Pending({ groups }: { groups: readonly DenialGroup[] }) {
  const styles = useStyles();
  const pending = groups.filter(({ origin }) => origin.state === "Pending");
  if (pending.length === 0) return null;
  const names = new Map<string, string>();
  for (const { account, origin } of pending) {
    if (account === null || origin.connection === undefined) continue;
    names.set(connectionHref({ account, name: origin.connection }), origin.connection);
  }
  const links = [...names].slice(0, NAMED).map(([href, name]) => (
    <PageLink key={href} href={href}>
      {name}
    </PageLink>
  ));
  const requests = pending.reduce((sum, group) => sum + group.requests, 0);
  return (
    <MessageBar intent="warning" layout="multiline" className={styles.pending}>
      <MessageBarBody>
        <MessageBarTitle>
          <FormattedMessage id="denials.pending.title" values={{ count: names.size }} />
        </MessageBarTitle>{" "}
        <FormattedMessage
          id="denials.pending"
          values={{
            requests,
            names: <FormattedList value={links} />,
            more: names.size - links.length,
            count: names.size,
          }}
        />
      </MessageBarBody>
    </MessageBar>
  );
}

/** A row for each reason, the most frequent first. */
function ReasonsOverTime({ points, bars }: { points: readonly DenialPoint[]; bars: Bars }) {
  const intl = useIntl();
  const byReason = Map.groupBy(points, ({ reason }) => reason);
  const series = [...byReason]
    .map(([reason, own]) => ({
      id: reason,
      label: nameReason(intl, reason),
      total: own.reduce((sum, { requests }) => sum + requests, 0),
      values: sumInBars(
        bars,
        own,
        ({ at }) => at,
        ({ requests }) => requests,
      ),
    }))
    .toSorted((one, other) => other.total - one.total);
  return <TimeChart title="denials.overTime" bars={bars} series={series} format={value => intl.formatNumber(value)} />;
}

function Groups({ report: { value, step, omitted } }: { report: DenialReport }) {
  const styles = useStyles();
  const intl = useIntl();
  return (
    <>
      <DataTable title="denials.groups" columns={COLUMNS} minWidth="56rem">
        {value.map(({ account, reason, origin, requests, lastAt }) => (
          <TableRow key={[account, reason, origin.kind, origin.connection].join("/")}>
            <TableCell className={styles.cell}>
              <AccountLink account={account} />
            </TableCell>
            <TableCell className={styles.cell}>
              {nameReason(intl, reason)} <code className={styles.code}>{reason}</code>
            </TableCell>
            <TableCell className={styles.cell}>
              <OriginText account={account} origin={origin} />
            </TableCell>
            <TableCell>
              <FormattedNumber value={requests} />
            </TableCell>
            <TableCell>
              <StepTime at={lastAt} step={step} />
            </TableCell>
          </TableRow>
        ))}
      </DataTable>
      <Omitted count={omitted} />
    </>
  );
}

/** The minute, or from when to when the hour was. */
function StepTime({ at, step }: { at: string; step: CountStep }) {
  const from = new Date(at);
  if (step === "minute") return <FormattedDate value={from} dateStyle="medium" timeStyle="short" />;
  const to = new Date(from.getTime() + HOUR);
  return <FormattedDateTimeRange from={from} to={to} dateStyle="medium" timeStyle="short" />;
}
