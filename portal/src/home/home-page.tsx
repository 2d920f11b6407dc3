"use client";

import { Text } from "@fluentui/react-components";
import type { ConnectionPage, ConnectionView, GateList } from "@linkgate/api/spec";
import { FormattedMessage, FormattedRelativeTime, useIntl } from "react-intl";
import { useGates, useRead } from "../api/queries.ts";
import { connectionHref } from "../connections/columns.tsx";
import { nameOfResource } from "../connections/endpoint-name.ts";
import { keyOf } from "../connections/legality.ts";
import { Loaded } from "../shell/loaded.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { Section } from "../shell/section.tsx";
import { useNow } from "../shell/use-now.ts";

/** Requests that are shown here; the list of connections has them all. */
const SHOWN = 20;
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** What waits for the person who is signed in, and how the gates are. */
export function HomePage() {
  const { formatMessage } = useIntl();
  const pending = useRead<ConnectionPage>("/connections", { state: ["Pending"], sort: "requested", limit: SHOWN });
  const gates = useGates();
  return (
    <>
      <PageHeader title={formatMessage({ id: "home.title" })} />
      <Section title="home.pending">
        <Loaded query={pending}>{page => <Pending page={page} />}</Loaded>
      </Section>
      <Section title="gates.title">
        <Loaded query={gates}>{({ value }) => <GatesLine gates={value} />}</Loaded>
      </Section>
    </>
  );
}

function Pending({ page }: { page: ConnectionPage }) {
  const now = useNow();
  if (page.value.length === 0) {
    return (
      <Text>
        <FormattedMessage id="home.nothing" />
      </Text>
    );
  }
  return (
    <>
      <ul>
        {page.value.map(connection => (
          <li key={keyOf(connection)}>
            <FormattedMessage
              id="home.request"
              values={{
                endpoint: <PageLink href={connectionHref(connection)}>{nameOf(connection)}</PageLink>,
                account: connection.accountName,
                age: <Age since={connection.requestedAt} now={now} />,
              }}
            />
          </li>
        ))}
      </ul>
      <PageLink href="/connections?state=Pending">
        <FormattedMessage id="home.all" values={{ count: page.counts.Pending }} />
      </PageLink>
    </>
  );
}

const nameOf = ({ privateEndpoint, name }: ConnectionView): string => nameOfResource(privateEndpoint.id) || name;

function Age({ since, now }: { since: string; now: number }) {
  const seconds = Math.max(0, Math.round((now - Date.parse(since)) / 1000));
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? (["second", 1] as const);
  return <FormattedRelativeTime value={-Math.floor(seconds / length)} unit={unit} numeric="always" />;
}

function GatesLine({ gates }: { gates: GateList["value"] }) {
  const live = gates.filter(({ state }) => state === "live");
  const lost = live.filter(gate => gate.lost);
  const behind = live.filter(gate => !gate.lost && gate.behind > 0);
  return (
    <Text>
      <FormattedMessage
        id="home.gates"
        values={{ live: live.length - lost.length, lost: lost.length, behind: behind.length }}
      />{" "}
      <PageLink href="/gates">
        <FormattedMessage id="home.gates.see" />
      </PageLink>
    </Text>
  );
}
