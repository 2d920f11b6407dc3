"use client";

import { Button, Field, Input, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import type { HistoryPage } from "@linkgate/api/spec";
import { keepPreviousData } from "@tanstack/react-query";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useState } from "react";
import { FormattedMessage, useIntl } from "react-intl";
import { callForFile } from "../api/client.ts";
import { useRead } from "../api/queries.ts";
import type { MessageId } from "../messages/messages.tsx";
import { useSession } from "../session/session.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { ProblemBar } from "../shell/problem-bar.tsx";
import { DecisionsOverTime } from "./decisions-over-time.tsx";
import { HistoryTable } from "./history-table.tsx";

const PAGE_SIZE = 100;
/** What the list is filtered by, as the URL and the API call it. */
const FILTERS: readonly { name: string; label: MessageId; type: "text" | "date" }[] = [
  { name: "account", label: "connection.account", type: "text" },
  { name: "connection", label: "history.subject", type: "text" },
  { name: "by", label: "history.by", type: "text" },
  { name: "correlationId", label: "history.correlationId", type: "text" },
  { name: "since", label: "history.since", type: "date" },
  { name: "until", label: "history.until", type: "date" },
];

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, marginBottom: tokens.spacingVerticalM },
  pages: { display: "flex", gap: tokens.spacingHorizontalS, marginTop: tokens.spacingVerticalM },
});

/** All decisions about the accounts that the person may read, filtered; as a file, too. */
export function HistoryOverview() {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const router = useRouter();
  const path = usePathname();
  const parameters = useSearchParams();
  const filter = toFilter(parameters);
  const query = useRead<HistoryPage>(
    "/history",
    { ...filter, cursor: parameters.get("cursor") ?? undefined, limit: PAGE_SIZE },
    { placeholderData: keepPreviousData },
  );
  const change = (name: string, value: string) => {
    const next = new URLSearchParams(parameters);
    next.delete("cursor");
    if (value === "") next.delete(name);
    else next.set(name, value);
    if (name === "cursor") router.push(`${path}?${next}`);
    else router.replace(`${path}?${next}`, { scroll: false });
  };
  return (
    <>
      <PageHeader title={formatMessage({ id: "history.title" })}>
        <Download filter={filter} />
      </PageHeader>
      <search className={styles.filters}>
        {FILTERS.map(({ name, label, type }) => (
          <Field key={name} label={formatMessage({ id: label })}>
            <Input type={type} value={parameters.get(name) ?? ""} onChange={(_, { value }) => change(name, value)} />
          </Field>
        ))}
      </search>
      <DecisionsOverTime filter={filter} />
      <Loaded query={query}>
        {({ value, next }) => (
          <>
            {value.length === 0 ? (
              <Text>
                <FormattedMessage id={Object.keys(filter).length === 0 ? "history.empty" : "history.noMatch"} />
              </Text>
            ) : (
              <HistoryTable decisions={value} />
            )}
            <div className={styles.pages}>
              {parameters.has("cursor") ? (
                <Button onClick={() => router.back()}>
                  <FormattedMessage id="connections.previousPage" />
                </Button>
              ) : null}
              {next === undefined ? null : (
                <Button onClick={() => change("cursor", next)}>
                  <FormattedMessage id="connections.nextPage" />
                </Button>
              )}
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}

/** A link can't carry the token, so the file is fetched and handed to the browser. */
function Download({ filter }: { filter: Readonly<Record<string, string>> }) {
  const { getToken } = useSession();
  const [error, setError] = useState<unknown>();
  const download = async () => {
    setError(undefined);
    try {
      const file = await callForFile(getToken, "/history.csv", { query: filter });
      const url = URL.createObjectURL(file);
      Object.assign(document.createElement("a"), { href: url, download: "linkgate-history.csv" }).click();
      URL.revokeObjectURL(url);
    } catch (reason) {
      setError(reason);
    }
  };
  return (
    <>
      <Button icon={<ArrowDownloadRegular />} onClick={() => void download()}>
        <FormattedMessage id="history.download" />
      </Button>
      {error === undefined ? null : <ProblemBar error={error} />}
    </>
  );
}

/** Days are the person's own: from their first moment, to their last. */
export function toFilter(parameters: { get(name: string): string | null }): Record<string, string> {
  const filter: Record<string, string> = {};
  for (const { name, type } of FILTERS) {
    const value = parameters.get(name) ?? "";
    if (value === "") continue;
    if (type === "text") {
      filter[name] = value;
      continue;
    }
    const day = new Date(`${value}T00:00:00`);
    if (Number.isNaN(day.getTime())) continue;
    if (name === "until") day.setDate(day.getDate() + 1);
    filter[name] = day.toISOString();
  }
  return filter;
}
