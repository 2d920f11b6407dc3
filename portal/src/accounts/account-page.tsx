"use client";

import type { AccountView } from "@linkgate/api/spec";
import { useParams } from "next/navigation";
import { FormattedMessage, useIntl } from "react-intl";
import { toPath } from "../api/client.ts";
import { useRead } from "../api/queries.ts";
import { writeCountFilter } from "../charts/count-filter.ts";
import { formatBytes } from "../charts/format-bytes.ts";
import { CopyButton } from "../shell/copy-button.tsx";
import { Facts } from "../shell/facts.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { Section } from "../shell/section.tsx";
import { LastSeen } from "./last-seen.tsx";

/** One account: its names, who may come in, and how many connections it has. */
export function AccountPage() {
  const account = decodeURIComponent(useParams<{ account: string }>().account);
  const query = useRead<AccountView>(`/accounts${toPath(account)}`, {}, { counted: true });
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
        <LastSeen account={account.account} />
        <p>
          <PageLink href={`/connections?${own}`}>
            <FormattedMessage id="account.connections" />
          </PageLink>
        </p>
      </Section>
      <Section title="account.lastDay">
        <LastDay account={account} />
      </Section>
    </>
  );
}

function LastDay({ account: { account, lastDay } }: { account: AccountView }) {
  const intl = useIntl();
  const filter = writeCountFilter({ range: "day", account });
  return (
    <>
      <Facts
        facts={[
          ["traffic.admitted", intl.formatNumber(lastDay.admitted)],
          ["traffic.denied", intl.formatNumber(lastDay.denied)],
          ["traffic.bytes", formatBytes(intl, lastDay.bytes)],
        ]}
      />
      <p>
        <PageLink href={`/traffic${filter}`}>
          <FormattedMessage id="account.traffic" />
        </PageLink>
      </p>
      <PageLink href={`/denials${filter}`}>
        <FormattedMessage id="account.denials" />
      </PageLink>
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
