"use client";

import { FormattedMessage } from "react-intl";
import { toPath } from "../api/client.ts";
import { PageLink } from "../shell/page-link.tsx";

/** An account by its name; what is counted for host names of no account has none. */
export function AccountLink({ account }: { account: string | null }) {
  if (account === null) return <FormattedMessage id="counts.noAccount" />;
  return <PageLink href={`/accounts${toPath(account)}`}>{account}</PageLink>;
}
