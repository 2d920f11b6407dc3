"use client";

import { Field, Select } from "@fluentui/react-components";
import type { AccountPage } from "@linkgate/api/spec";
import { useIntl } from "react-intl";
import { useRead } from "../api/queries.ts";

/** Accounts to choose from; whoever has more finds them on their own page. */
const ACCOUNTS = 200;

export interface AccountDropdownProps {
  /** Lower case; empty: all of them. */
  readonly account: string;
  onChange(account: string): void;
}

/** Chooses one account of those that the person may read, or all. */
export function AccountDropdown({ account, onChange }: AccountDropdownProps) {
  const { formatMessage } = useIntl();
  const accounts = useRead<AccountPage>("/accounts", { limit: ACCOUNTS });
  const listed = accounts.data?.value ?? [];
  // A link may name an account that is not among those to choose from.
  const isListed = account === "" || listed.some(each => each.account === account);
  const choices = isListed ? listed : [{ account, name: account }, ...listed];
  return (
    <Field label={formatMessage({ id: "connection.account" })}>
      <Select value={account} onChange={(_, { value }) => onChange(value)}>
        <option value="">{formatMessage({ id: "connections.allAccounts" })}</option>
        {choices.map(each => (
          <option key={each.account} value={each.account}>
            {each.name}
          </option>
        ))}
      </Select>
    </Field>
  );
}
