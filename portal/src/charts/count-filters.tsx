"use client";

import { Button, Field, makeStyles, Select, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { AccountDropdown } from "../accounts/account-dropdown.tsx";
import type { CountFilter } from "./count-filter.ts";
import { RANGES } from "./time-range.ts";

const useStyles = makeStyles({
  filters: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    alignItems: "end",
    marginBottom: tokens.spacingVerticalL,
    // A select is as wide as its longest text, unless it may not be.
    "& > *": { minWidth: 0, maxWidth: "100%", gridTemplateColumns: "minmax(0, 1fr)" },
    "& select": { width: "100%" },
  },
});

export interface CountFiltersProps {
  readonly filter: CountFilter;
  onChange(change: Partial<CountFilter>): void;
  /** Filters that this page has beside time and account. */
  readonly children?: ReactNode;
}

/** Time and account. */
export function CountFilters({ filter, onChange, children }: CountFiltersProps) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const { range, account, reason, connection } = filter;
  return (
    <search className={styles.filters}>
      <Field label={formatMessage({ id: "range.title" })}>
        <Select
          value={range}
          onChange={(_, { value }) => onChange({ range: RANGES.find(each => each === value) ?? "hour" })}
        >
          {RANGES.map(each => (
            <option key={each} value={each}>
              {formatMessage({ id: `range.${each}` })}
            </option>
          ))}
        </Select>
      </Field>
      <AccountDropdown account={account} onChange={value => onChange({ account: value })} />
      {children}
      {account === "" && reason === "" && connection === "" ? null : (
        <Button onClick={() => onChange({ account: "", reason: "", connection: "" })}>
          <FormattedMessage id="connections.clear" />
        </Button>
      )}
    </search>
  );
}
