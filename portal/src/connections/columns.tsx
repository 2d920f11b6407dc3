"use client";

import type { ConnectionView } from "@linkgate/api/spec";
import type { ReactNode } from "react";
import { FormattedDate } from "react-intl";
import { toPath } from "../api/client.ts";
import type { MessageId } from "../messages/messages.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { nameOfResource } from "./endpoint-name.ts";
import type { ConnectionSort } from "./list-state.ts";
import { ProgressText } from "./progress-text.tsx";
import { StateBadge } from "./state-badge.tsx";

/** A column of the list of connections. */
export interface Column {
  readonly id: string;
  readonly title: MessageId;
  /** CSS width. */
  readonly width: string;
  /** Absent where the API can't sort by it. */
  readonly sort?: ConnectionSort;
  readonly render: (connection: ConnectionView) => ReactNode;
}

/** Where a connection has its page. */
export function connectionHref({ account, name }: Pick<ConnectionView, "account" | "name">): string {
  return `/connections${toPath(account, name)}`;
}

/** Azure's four, in Azure's order; then ours. */
export const columns: readonly Column[] = [
  {
    id: "name",
    title: "connection.name",
    width: "17rem",
    sort: "name",
    render: connection => <PageLink href={connectionHref(connection)}>{connection.name}</PageLink>,
  },
  {
    id: "state",
    title: "connection.state",
    width: "9rem",
    sort: "state",
    render: ({ state }) => <StateBadge state={state} />,
  },
  {
    id: "endpoint",
    title: "connection.endpoint",
    width: "11rem",
    sort: "endpoint",
    render: ({ privateEndpoint }) => <span title={privateEndpoint.id}>{nameOfResource(privateEndpoint.id)}</span>,
  },
  {
    id: "description",
    title: "connection.description",
    width: "16rem",
    render: ({ description }) => <span title={description}>{description}</span>,
  },
  {
    id: "account",
    title: "connection.account",
    width: "9rem",
    sort: "account",
    render: ({ accountName }) => accountName,
  },
  {
    id: "linkIds",
    title: "connection.linkIds",
    width: "9rem",
    render: ({ linkIds }) => linkIds.join(", "),
  },
  {
    id: "requested",
    title: "connection.requested",
    width: "11rem",
    sort: "requested",
    render: ({ requestedAt }) => <FormattedDate value={requestedAt} dateStyle="medium" timeStyle="short" />,
  },
  {
    id: "changed",
    title: "connection.changedBy",
    width: "10rem",
    sort: "changed",
    render: ({ lastDecision }) => lastDecision?.by.name ?? lastDecision?.by.objectId ?? "",
  },
  {
    id: "progress",
    title: "connection.progress",
    width: "18rem",
    render: connection => <ProgressText connection={connection} />,
  },
];
