"use client";

import { Button, MessageBar, MessageBarActions, MessageBarBody } from "@fluentui/react-components";
import { FormattedMessage } from "react-intl";
import { useSession } from "../session/session.tsx";

/** Says that the session is over, and leads to the sign-in. @param onLeave called before the page is left */
export function SessionBar({ onLeave }: { onLeave?: () => void }) {
  const { signIn } = useSession();
  const leave = () => {
    onLeave?.();
    void signIn();
  };
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        <FormattedMessage id={onLeave === undefined ? "session.ended" : "session.ended.draft"} />
      </MessageBarBody>
      <MessageBarActions>
        <Button onClick={leave}>
          <FormattedMessage id="session.signInAgain" />
        </Button>
      </MessageBarActions>
    </MessageBar>
  );
}
