"use client";

import { Button, makeStyles, Spinner, Text, tokens } from "@fluentui/react-components";
import type { ConnectionPage, ConnectionView } from "@linkgate/api/spec";
import { keepPreviousData } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useCallback, useMemo, useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { useRead } from "../api/queries.ts";
import { OnDemand } from "../shell/on-demand.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { ProblemBar } from "../shell/problem-bar.tsx";
import { ConnectionFilters } from "./connection-filters.tsx";
import { ConnectionsTable } from "./connections-table.tsx";
import type { Deciding } from "./decide.ts";
import { DecideToolbar } from "./decide-toolbar.tsx";
import { type Draft, useDraft } from "./draft.ts";
import { keyOf } from "./legality.ts";
import { type ListState, PAGE_SIZE, useListState, writeListState } from "./list-state.ts";
import { loadDecideDialog } from "./load-decide-dialog.ts";

const useStyles = makeStyles({
  page: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  pages: { display: "flex", gap: tokens.spacingHorizontalS, flexWrap: "wrap", alignItems: "center" },
});

/** The connections of all accounts that the person may read; or of one, when the URL says so. */
export function ConnectionsPage() {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const router = useRouter();
  const [state, change] = useListState();
  const { data, error, isPlaceholderData, refetch } = useRead<ConnectionPage>("/connections", toQuery(state), {
    placeholderData: keepPreviousData,
  });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [deciding, setDeciding] = useState<Deciding>();
  const rows = data?.value ?? [];
  // Who is no longer shown is no longer selected: a decision is about what the person sees.
  const selection = useMemo(() => rows.filter(row => selected.has(keyOf(row))), [rows, selected]);
  const goOn = useCallback(({ action, comment }: Draft, connections: readonly ConnectionView[]) => {
    setSelected(new Set(connections.map(keyOf)));
    setDeciding({ action, connections, draft: comment });
  }, []);
  useDraft(data?.value, goOn);

  return (
    <div className={styles.page}>
      <PageHeader title={formatMessage({ id: "connections.title" })} />
      <ConnectionFilters state={state} counts={data?.counts} onChange={change} />
      <DecideToolbar
        selection={selection}
        onDecide={action => setDeciding({ action, connections: selection })}
        onRefresh={() => void refetch()}
      />
      {error === null ? null : <ProblemBar error={error} onRetry={() => void refetch()} />}
      {data === undefined ? (
        error === null && <Spinner label={<FormattedMessage id="connections.loading" />} />
      ) : rows.length === 0 ? (
        <Nothing state={state} onClear={() => change({ states: [], account: "", search: "" })} />
      ) : (
        <ConnectionsTable
          rows={rows}
          view={writeListState(state)}
          sort={state.sort}
          order={state.order}
          selected={new Set(selection.map(keyOf))}
          onSort={(sort, order) => change({ sort, order })}
          onSelect={setSelected}
        />
      )}
      <div className={styles.pages}>
        {selection.length === 0 ? null : (
          <Text aria-live="polite">
            <FormattedMessage id="connections.selected" values={{ count: selection.length }} />
          </Text>
        )}
        {state.cursor === "" ? null : (
          <>
            <Button onClick={() => change({})}>
              <FormattedMessage id="connections.firstPage" />
            </Button>
            <Button onClick={() => router.back()}>
              <FormattedMessage id="connections.previousPage" />
            </Button>
          </>
        )}
        {data?.next === undefined ? null : (
          <Button disabled={isPlaceholderData} onClick={() => change({ cursor: data.next ?? "" })}>
            <FormattedMessage id="connections.nextPage" />
          </Button>
        )}
      </div>
      {deciding === undefined ? null : (
        <OnDemand load={loadDecideDialog}>
          {DecideDialog => (
            <DecideDialog
              {...deciding}
              listed={rows}
              onClose={failed => {
                setSelected(new Set(failed));
                setDeciding(undefined);
              }}
            />
          )}
        </OnDemand>
      )}
    </div>
  );
}

/** Nothing there yet, and nothing that fits, are two things. */
function Nothing({ state, onClear }: { state: ListState; onClear(): void }) {
  const isFiltered = state.states.length > 0 || state.account !== "" || state.search !== "";
  return (
    <div>
      <Text block>
        <FormattedMessage id={isFiltered ? "connections.noMatch" : "connections.none"} />
      </Text>
      {isFiltered ? (
        <Button appearance="transparent" onClick={onClear}>
          <FormattedMessage id="connections.clear" />
        </Button>
      ) : null}
    </div>
  );
}

function toQuery({ states, account, search, sort, order, cursor }: ListState) {
  const orNothing = (text: string) => (text === "" ? undefined : text);
  return {
    state: states,
    account: orNothing(account),
    search: orNothing(search),
    sort,
    order,
    cursor: orNothing(cursor),
    limit: PAGE_SIZE,
  };
}
