"use client";

import { Button, Field, Input, makeStyles, tokens } from "@fluentui/react-components";
import { CheckmarkRegular, SearchRegular } from "@fluentui/react-icons";
import type { ConnectionState, StateCounts } from "@linkgate/api/spec";
import { useEffect, useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { AccountDropdown } from "../accounts/account-dropdown.tsx";
import { type ListState, STATES } from "./list-state.ts";

/** Milliseconds after the last key before the search is asked for. */
const SEARCH_AFTER = 200;

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
  states: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalXS },
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
  return (
    <search className={styles.filters}>
      <Field label={formatMessage({ id: "connections.search" })}>
        <Search value={state.search} onSearch={search => onChange({ search })} />
      </Field>
      <AccountDropdown account={state.account} onChange={account => onChange({ account })} />
      <Field label={formatMessage({ id: "connection.state" })}>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset can't be laid out like its neighbours */}
        <div role="group" className={styles.states}>
          {STATES.map(each => {
            const isShown = state.states.includes(each);
            return (
              <Button
                key={each}
                aria-pressed={isShown}
                appearance={isShown ? "primary" : "secondary"}
                {...(isShown ? { icon: <CheckmarkRegular /> } : {})}
                onClick={() =>
                  onChange({ states: STATES.filter(other => state.states.includes(other) !== (other === each)) })
                }
              >
                <StateCount state={each} count={counts?.[each]} />
              </Button>
            );
          })}
        </div>
      </Field>
    </search>
  );
}

/** A state, and how many there are as soon as that is known. */
function StateCount({ state, count }: { state: ConnectionState; count: number | undefined }) {
  const name = useIntl().formatMessage({ id: `connection.state.${state}` });
  return count === undefined ? name : <FormattedMessage id="connections.stateCount" values={{ state: name, count }} />;
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
  return (
    <Input type="search" contentBefore={<SearchRegular />} value={text} onChange={(_, data) => setText(data.value)} />
  );
}
