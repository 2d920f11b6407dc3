"use client";

import { Button, Dropdown, Field, makeStyles, Option, tokens } from "@fluentui/react-components";
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
        <Dropdown
          inlinePopup
          selectedOptions={[range]}
          value={formatMessage({ id: `range.${range}` })}
          onOptionSelect={(_, { optionValue }) =>
            onChange({ range: RANGES.find(each => each === optionValue) ?? "hour" })
          }
        >
          {RANGES.map(each => (
            <Option key={each} value={each}>
              {formatMessage({ id: `range.${each}` })}
            </Option>
          ))}
        </Dropdown>
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
