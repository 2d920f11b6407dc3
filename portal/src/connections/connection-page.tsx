"use client";

import { Link, Text } from "@fluentui/react-components";
import type { AccountView, ConnectionView, HistoryPage } from "@linkgate/api/spec";
import { useParams } from "next/navigation";
import { useCallback, useMemo, useState } from "react";
import { FormattedDate, FormattedMessage } from "react-intl";
import { Seen } from "../accounts/last-seen.tsx";
import { toPath } from "../api/client.ts";
import { useRead } from "../api/queries.ts";
import { writeCountFilter } from "../charts/count-filter.ts";
import { HistoryTable } from "../history/history-table.tsx";
import { CopyButton } from "../shell/copy-button.tsx";
import { Facts } from "../shell/facts.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { OnDemand } from "../shell/on-demand.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { Section } from "../shell/section.tsx";
import { useSettings } from "../shell/settings-context.ts";
import type { Deciding as DecidingNow } from "./decide.ts";
import { DecideToolbar } from "./decide-toolbar.tsx";
import { type Draft, useDraft } from "./draft.ts";
import { loadDecideDialog } from "./load-decide-dialog.ts";
import { NextSteps } from "./next-steps.tsx";
import { ProgressText } from "./progress-text.tsx";
import { useConnection } from "./read-connection.ts";
import { StateBadge } from "./state-badge.tsx";

/** Everything that is known of one connection. */
export function ConnectionPage() {
  const parameters = useParams<{ account: string; name: string }>();
  const account = decodeURIComponent(parameters.account);
  const name = decodeURIComponent(parameters.name);
  const connection = useConnection({ account, name });
  return (
    <>
      <PageHeader title={name} />
      <Loaded query={connection}>
        {found => (
          <>
            <Deciding connection={found} onRefresh={() => void connection.refetch()} />
            <Section title="connection.facts">
              <ConnectionFacts connection={found} />
            </Section>
            <ForCustomer connection={found} />
            <Section title="history.title">
              <Changes account={account} name={name} />
            </Section>
          </>
        )}
      </Loaded>
    </>
  );
}

function Deciding({ connection, onRefresh }: { connection: ConnectionView; onRefresh(): void }) {
  const [deciding, setDeciding] = useState<DecidingNow>();
  const selection = useMemo(() => [connection], [connection]);
  const goOn = useCallback(
    ({ action, comment }: Draft, connections: readonly ConnectionView[]) =>
      setDeciding({ action, connections, draft: comment }),
    [],
  );
  useDraft(selection, goOn);
  return (
    <>
      <DecideToolbar
        selection={selection}
        onDecide={action => setDeciding({ action, connections: selection })}
        onRefresh={onRefresh}
      />
      {deciding === undefined ? null : (
        <OnDemand load={loadDecideDialog}>
          {DecideDialog => <DecideDialog {...deciding} onClose={() => setDeciding(undefined)} />}
        </OnDemand>
      )}
    </>
  );
}

function ConnectionFacts({ connection }: { connection: ConnectionView }) {
  const { azurePortal } = useSettings();
  const { privateEndpoint, linkIds, privateAddresses } = connection;
  return (
    <Facts
      facts={[
        ["connection.state", <StateBadge key="state" state={connection.state} />],
        ["connection.progress", <ProgressText key="progress" connection={connection} />],
        ["connection.provisioningState", connection.provisioningState],
        [
          "connection.account",
          <PageLink key="account" href={`/accounts${toPath(connection.account)}`}>
            {connection.accountName}
          </PageLink>,
        ],
        ["connection.description", connection.description],
        ["connection.requestMessage", connection.requestMessage],
        [
          "connection.endpointId",
          <span key="endpoint">
            <Link href={`${azurePortal}/#@/resource${privateEndpoint.id}`} target="_blank" rel="noreferrer" inline>
              {privateEndpoint.id}
            </Link>
            <CopyButton text={privateEndpoint.id} what="connection.endpointId.copy" />
          </span>,
        ],
        ["connection.endpointLocation", privateEndpoint.location],
        [
          "connection.linkIds",
          linkIds.length === 0 ? undefined : (
            <span key="links">
              {linkIds.join(", ")}
              <CopyButton text={linkIds.join(", ")} what="connection.linkIds.copy" />
            </span>
          ),
        ],
        ["connection.privateAddresses", privateAddresses.join(", ")],
        [
          "connection.requested",
          <FormattedDate key="requested" value={connection.requestedAt} dateStyle="long" timeStyle="medium" />,
        ],
        ["connection.lastTraffic", <Seen key="traffic" at={connection.lastTrafficAt} />],
        [
          "connection.lastDenied",
          <span key="denied">
            <Seen at={connection.lastDeniedAt} />
            {connection.lastDeniedAt === null ? null : (
              <>
                {" "}
                <PageLink href={`/denials${toDenials(connection)}`}>
                  <FormattedMessage id="connection.denials" />
                </PageLink>
              </>
            )}
          </span>,
        ],
        [
          "connection.id",
          <span key="id">
            {connection.id}
            <CopyButton text={connection.id} what="connection.id.copy" />
          </span>,
        ],
      ]}
    />
  );
}

function toDenials({ account, name }: ConnectionView): string {
  return writeCountFilter({ range: "quarter", account, connection: name });
}

/** What the customer has to do, which only an approved connection has a use for. */
function ForCustomer({ connection }: { connection: ConnectionView }) {
  const account = useRead<AccountView>(
    `/accounts${toPath(connection.account)}`,
    {},
    {
      enabled: connection.state === "Approved",
    },
  );
  if (connection.state !== "Approved" || account.data === undefined) return null;
  return (
    <Section title="nextSteps.title">
      <NextSteps account={account.data} connection={connection} />
    </Section>
  );
}

function Changes({ account, name }: { account: string; name: string }) {
  const history = useRead<HistoryPage>("/history", { account, connection: name, limit: 100 });
  return (
    <Loaded query={history}>
      {({ value }) =>
        value.length === 0 ? (
          <Text>
            <FormattedMessage id="history.empty" />
          </Text>
        ) : (
          <HistoryTable decisions={value} />
        )
      }
    </Loaded>
  );
}
