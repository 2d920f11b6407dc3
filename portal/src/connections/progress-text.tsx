"use client";

import { Spinner, Text } from "@fluentui/react-components";
import type { ConnectionView } from "@linkgate/api/spec";
import { FormattedList, FormattedMessage } from "react-intl";

/** How far a connection's present state has come at the gates, in a sentence that names those which are behind. */
export function ProgressText({ connection }: { connection: ConnectionView }) {
  const { phase, gates, inForce, waitingFor } = connection.progress;
  if (phase === "done") {
    return (
      <Text>
        <FormattedMessage
          id={connection.state === "Approved" ? "progress.inForce" : "progress.settled"}
          values={{ inForce, gates }}
        />
      </Text>
    );
  }
  const names = <FormattedList type="conjunction" value={waitingFor} />;
  const id =
    phase === "draining"
      ? "progress.draining"
      : connection.state === "Approved"
        ? "progress.approving"
        : connection.state === "Pending"
          ? "progress.spreading"
          : "progress.revoking";
  return (
    <Spinner
      size="extra-tiny"
      labelPosition="after"
      label={<FormattedMessage id={id} values={{ inForce, gates, names, count: waitingFor.length }} />}
    />
  );
}
