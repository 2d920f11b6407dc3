"use client";

import type { OriginView } from "@linkgate/api/spec";
import { FormattedMessage, useIntl } from "react-intl";
import { connectionHref } from "../connections/columns.tsx";
import { PageLink } from "../shell/page-link.tsx";

/** Where denied requests came from: the account's own connection and how it stands now, or no more than the kind of network. */
export function OriginText({ account, origin }: { account: string | null; origin: OriginView }) {
  const { messages } = useIntl();
  const { kind, connection: name, state } = origin;
  if (kind === "other") return <FormattedMessage id="denials.origin.other" />;
  if (kind === "public") return <FormattedMessage id="denials.origin.public" />;
  if (account === null || name === undefined) return <FormattedMessage id="denials.origin.connection" />;
  if (state === undefined) {
    // A removed one has no page, but somebody who removed it.
    const history = <PageLink href={`/history?${new URLSearchParams({ account, connection: name })}`}>{name}</PageLink>;
    return <FormattedMessage id="denials.origin.removed" values={{ name: history }} />;
  }
  const link = <PageLink href={connectionHref({ account, name })}>{name}</PageLink>;
  const id = `denials.origin.${state}`;
  return (
    <FormattedMessage
      id={id in messages ? (id as "denials.origin.Pending") : "denials.origin.known"}
      values={{ name: link }}
    />
  );
}
