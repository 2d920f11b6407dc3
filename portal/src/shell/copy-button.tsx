"use client";

import { Button, Tooltip } from "@fluentui/react-components";
import { CheckmarkRegular, CopyRegular } from "@fluentui/react-icons";
import { useEffect, useState } from "react";
import { useIntl } from "react-intl";
import type { MessageId } from "../messages/messages.tsx";

/** Milliseconds that the button says that it has copied. */
const SAID_FOR = 2_000;

/** Copies a text. @param what says to people what is copied */
export function CopyButton({ text, what }: { text: string; what: MessageId }) {
  const { formatMessage } = useIntl();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SAID_FOR);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const label = formatMessage({ id: isCopied ? "shell.copied" : what });
  return (
    <Tooltip content={label} relationship="label">
      <Button
        appearance="transparent"
        size="small"
        icon={isCopied ? <CheckmarkRegular /> : <CopyRegular />}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
      />
    </Tooltip>
  );
}
