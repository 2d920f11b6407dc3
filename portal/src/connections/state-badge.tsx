"use client";

import { Badge, type BadgeProps } from "@fluentui/react-components";
import { FormattedMessage, useIntl } from "react-intl";

const COLORS: Readonly<Record<string, BadgeProps["color"]>> = {
  Pending: "warning",
  Approved: "success",
  Rejected: "danger",
  Disconnected: "informative",
};

/** A connection's state, in words and in colour. One that is not known here is shown as the API has it. */
export function StateBadge({ state }: { state: string }) {
  const { messages } = useIntl();
  const id = `connection.state.${state}`;
  return (
    <Badge appearance="tint" color={COLORS[state] ?? "informative"}>
      {id in messages ? <FormattedMessage id={id as "connection.state.Pending"} /> : state}
    </Badge>
  );
}
