"use client";

import { Button, Input, makeStyles, TableCell, TableRow, Text, tokens } from "@fluentui/react-components";
import { SearchRegular } from "@fluentui/react-icons";
import type { AccountPage, AccountView } from "@linkgate/api/spec";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { FormattedMessage, FormattedNumber, useIntl } from "react-intl";
import { toPath } from "../api/client.ts";
import { useRead } from "../api/queries.ts";
import type { MessageId } from "../messages/messages.tsx";
import { DataTable } from "../shell/data-table.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";

const COLUMNS: readonly MessageId[] = [
  "account.name",
  "account.hosts",
  "account.public",
  "account.used",
  "account.pending",
  "account.requests",
];
const PAGE_SIZE = 100;

const useStyles = makeStyles({
  page: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, alignItems: "start" },
  cell: { overflowWrap: "anywhere" },
});

/** The accounts that the person may read. */
export function AccountsPage() {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  const [search, setSearch] = useState("");
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const accounts = useRead<AccountPage>(
    "/accounts",
    { search: search === "" ? undefined : search, cursor: cursors.at(-1), limit: PAGE_SIZE },
    { placeholderData: keepPreviousData, counted: true },
  );
  return (
    <div className={styles.page}>
      <PageHeader title={formatMessage({ id: "accounts.title" })} />
      <Input
        type="search"
        contentBefore={<SearchRegular />}
        aria-label={formatMessage({ id: "accounts.search" })}
        placeholder={formatMessage({ id: "accounts.search" })}
        value={search}
        onChange={(_, { value }) => {
          setSearch(value);
          setCursors([]);
        }}
      />
      <Loaded query={accounts}>
        {({ value, next }) => (
          <>
            {value.length === 0 ? (
              <Text>
                <FormattedMessage id={search === "" ? "accounts.none" : "accounts.noMatch"} />
              </Text>
            ) : (
              <DataTable title="accounts.title" columns={COLUMNS} minWidth="56rem">
                {value.map(account => (
                  <Row key={account.account} account={account} className={styles.cell} />
                ))}
              </DataTable>
            )}
            {cursors.length === 0 ? null : (
              <Button onClick={() => setCursors(cursors.slice(0, -1))}>
                <FormattedMessage id="connections.previousPage" />
              </Button>
            )}
            {next === undefined ? null : (
              <Button onClick={() => setCursors([...cursors, next])}>
                <FormattedMessage id="connections.nextPage" />
              </Button>
            )}
          </>
        )}
      </Loaded>
    </div>
  );
}

function Row({ account, className }: { account: AccountView; className: string }) {
  return (
    <TableRow>
      <TableCell className={className}>
        <PageLink href={`/accounts${toPath(account.account)}`}>{account.name}</PageLink>
      </TableCell>
      <TableCell className={className}>{account.publicHosts.join(", ")}</TableCell>
      <TableCell>{account.publicNetworkAccess}</TableCell>
      <TableCell>
        <FormattedMessage
          id="account.usedOf"
          values={{ used: account.connectionsUsed, maximum: account.connectionsMaximum }}
        />
      </TableCell>
      <TableCell>{account.connectionCounts.Pending}</TableCell>
      <TableCell>
        <FormattedNumber value={account.lastDay.requests} />
      </TableCell>
    </TableRow>
  );
}
