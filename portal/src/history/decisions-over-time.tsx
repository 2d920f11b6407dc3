"use client";

import { Text } from "@fluentui/react-components";
import type { DecisionView, HistoryPage } from "@linkgate/api/spec";
import { keepPreviousData } from "@tanstack/react-query";
import { FormattedMessage, useIntl } from "react-intl";
import { useRead } from "../api/queries.ts";
import { useBars } from "../charts/count-filter.ts";
import { type Series, TimeChart } from "../charts/time-chart.tsx";
import { type Bars, sumInBars } from "../charts/time-range.ts";
import { Loaded } from "../shell/loaded.tsx";
import { Section } from "../shell/section.tsx";

/** As many as the API gives at once. */
const DRAWN = 200;

/** What happened in the last ninety days, by day and by what it was. Nothing where nothing did. */
export function DecisionsOverTime({ filter }: { filter: Readonly<Record<string, string>> }) {
  const bars = useBars("quarter");
  const since = new Date(bars.starts[0] ?? 0).toISOString();
  const query = useRead<HistoryPage>(
    "/history",
    { since, ...filter, limit: DRAWN },
    { placeholderData: keepPreviousData },
  );
  const { formatNumber } = useIntl();
  return (
    <Loaded query={query}>
      {({ value, next }) =>
        value.length === 0 ? null : (
          <Section title="history.overTime">
            <TimeChart title="history.overTime" bars={bars} series={toSeries(bars, value)} format={formatNumber} />
            {next === undefined ? null : (
              <Text size={200}>
                <FormattedMessage id="history.overTime.newest" values={{ count: DRAWN }} />
              </Text>
            )}
          </Section>
        )
      }
    </Loaded>
  );
}

/** What happened, a series for each kind of it. */
function toSeries(bars: Bars, decisions: readonly DecisionView[]): Series[] {
  return [...Map.groupBy(decisions, ({ action }) => action)]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([action, own]) => ({
      id: action,
      label: action,
      values: sumInBars(
        bars,
        own,
        ({ at }) => at,
        () => 1,
      ),
    }));
}
