"use client";

import type { AccountView } from "@linkgate/api/spec";
import { useParams } from "next/navigation";
import { FormattedMessage } from "react-intl";
import { toPath } from "../api/client.ts";
import { useRead } from "../api/queries.ts";
import { CopyButton } from "../shell/copy-button.tsx";
import { Facts } from "../shell/facts.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { Section } from "../shell/section.tsx";

/** One account: its names, who may come in, and how many connections it has. */
export function AccountPage() {
  const account = decodeURIComponent(useParams<{ account: string }>().account);
  const query = useRead<AccountView>(`/accounts${toPath(account)}`);
  return (
    <>
      <PageHeader title={query.data?.name ?? account} />
      <Loaded query={query}>{found => <AccountFacts account={found} />}</Loaded>
    </>
  );
}

function AccountFacts({ account }: { account: AccountView }) {
  const { connectionsUsed: used, connectionsMaximum: maximum } = account;
  const own = new URLSearchParams({ state: "", account: account.account });
  return (
    <>
      <Section title="account.facts">
        <Facts
          facts={[
            ["account.publicHosts", account.publicHosts.join(", ")],
            ["account.privateHosts", account.privateHosts.join(", ")],
            ["account.public", <PublicAccess key="public" value={account.publicNetworkAccess} />],
            ["account.kind", account.kind],
            ["account.location", account.location],
            ["account.provisioningState", account.provisioningState],
            ["account.group", account.resourceGroup],
            ["account.subscription", account.subscriptionId],
            [
              "account.id",
              <span key="id">
                {account.id}
                <CopyButton text={account.id} what="account.id.copy" />
              </span>,
            ],
          ]}
        />
      </Section>
      <Section title="connections.title">
        <p>
          <FormattedMessage id="account.usedOf.long" values={{ used, maximum }} />
        </p>
        <PageLink href={`/connections?${own}`}>
          <FormattedMessage id="account.connections" />
        </PageLink>
      </Section>
    </>
  );
}

/** Shown here, changed at Azure. */
function PublicAccess({ value }: { value: string }) {
  return (
    <>
      {value} (<FormattedMessage id="account.public.atAzure" />)
    </>
  );
}
