"use client";

import { Dropdown, Field, makeStyles, Option, SearchBox, tokens } from "@fluentui/react-components";
import type { ConnectionState, StateCounts } from "@linkgate/api/spec";
import { useEffect, useState } from "react";
import { useIntl } from "react-intl";
import { AccountDropdown } from "../accounts/account-dropdown.tsx";
import { type ListState, STATES } from "./list-state.ts";

/** Milliseconds after the last key before the search is asked for. */
const SEARCH_AFTER = 200;

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
});

export interface ConnectionFiltersProps {
  readonly state: ListState;
  readonly counts: StateCounts | undefined;
  onChange(change: Partial<ListState>): void;
}

/** Search, states with their counts, account. */
export function ConnectionFilters({ state, counts, onChange }: ConnectionFiltersProps) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const stateName = (each: ConnectionState) =>
    formatMessage(
      { id: "connections.stateCount" },
      { state: formatMessage({ id: `connection.state.${each}` }), count: counts?.[each] ?? 0 },
    );
  const all = formatMessage({ id: "connections.allStates" });
  return (
    <search className={styles.filters}>
      <Field label={formatMessage({ id: "connections.search" })}>
        <Search value={state.search} onSearch={search => onChange({ search })} />
      </Field>
      <Field label={formatMessage({ id: "connection.state" })}>
        <Dropdown
          inlinePopup
          multiselect
          selectedOptions={[...state.states]}
          value={state.states.length === 0 ? all : state.states.map(stateName).join(", ")}
          onOptionSelect={(_, { selectedOptions }) =>
            onChange({ states: STATES.filter(each => selectedOptions.includes(each)) })
          }
        >
          {STATES.map(each => (
            <Option key={each} value={each} text={stateName(each)}>
              {stateName(each)}
            </Option>
          ))}
        </Dropdown>
      </Field>
      <AccountDropdown account={state.account} onChange={account => onChange({ account })} />
    </search>
  );
}

/** Asks when nothing more is typed for a moment. */
function Search({ value, onSearch }: { value: string; onSearch(value: string): void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onSearch(text), SEARCH_AFTER);
    return () => clearTimeout(timer);
  }, [text, value, onSearch]);
  return <SearchBox value={text} onChange={(_, data) => setText(data.value)} />;
}
