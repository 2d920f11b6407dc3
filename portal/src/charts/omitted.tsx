"use client";

import { Text } from "@fluentui/react-components";
import { FormattedMessage } from "react-intl";

/** Says how many rows of a report its limit left out; nothing when it has them all. */
export function Omitted({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <Text size={200}>
      <FormattedMessage id="counts.omitted" values={{ count }} />
    </Text>
  );
}
