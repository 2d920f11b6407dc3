"use client";

import { Dropdown, Field, Option } from "@fluentui/react-components";
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
  const value = accounts.data?.value ?? [];
  const all = formatMessage({ id: "connections.allAccounts" });
  return (
    <Field label={formatMessage({ id: "connection.account" })}>
      <Dropdown
        inlinePopup
        selectedOptions={[account]}
        value={value.find(each => each.account === account)?.name ?? (account || all)}
        onOptionSelect={(_, { optionValue }) => onChange(optionValue ?? "")}
      >
        <Option value="">{all}</Option>
        {value.map(each => (
          <Option key={each.account} value={each.account}>
            {each.name}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}
