"use client";

import { Text } from "@fluentui/react-components";
import type { ConnectionPage, ConnectionView, DenialReport, GateList } from "@linkgate/api/spec";
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
import { PendingByAge } from "./pending-by-age.tsx";

/** Requests that are named here; the list of connections has them all. */
const SHOWN = 20;
/** Requests whose age is looked at: as many as the API gives at once. */
const COUNTED = 200;
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** What waits for the person who is signed in, and how the gates are. */
export function HomePage() {
  const { formatMessage } = useIntl();
  const pending = useRead<ConnectionPage>("/connections", { state: ["Pending"], sort: "requested", limit: COUNTED });
  const denials = useRead<DenialReport>("/denials", {}, { counted: true });
  const gates = useGates();
  return (
    <>
      <PageHeader title={formatMessage({ id: "home.title" })} />
      <Section title="home.pending">
        <Loaded query={pending}>{page => <Pending page={page} />}</Loaded>
      </Section>
      <Section title="denials.title">
        <Loaded query={denials}>{report => <DenialsLine report={report} />}</Loaded>
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
        {page.value.slice(0, SHOWN).map(connection => (
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
      <PendingByAge page={page} now={now} />
    </>
  );
}

const nameOf = ({ privateEndpoint, name }: ConnectionView): string => nameOfResource(privateEndpoint.id) || name;

function Age({ since, now }: { since: string; now: number }) {
  const seconds = Math.max(0, Math.round((now - Date.parse(since)) / 1000));
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? (["second", 1] as const);
  return <FormattedRelativeTime value={-Math.floor(seconds / length)} unit={unit} numeric="always" />;
}

function DenialsLine({ report: { requests, value } }: { report: DenialReport }) {
  const pending = value
    .filter(({ origin }) => origin.state === "Pending")
    .reduce((sum, group) => sum + group.requests, 0);
  return (
    <Text>
      <FormattedMessage id="home.denials" values={{ count: requests }} />{" "}
      {pending === 0 ? null : (
        <>
          <FormattedMessage id="home.denials.pending" values={{ count: pending }} />{" "}
        </>
      )}
      <PageLink href="/denials">
        <FormattedMessage id="home.denials.see" />
      </PageLink>
    </Text>
  );
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
