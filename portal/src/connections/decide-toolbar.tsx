"use client";

import { Button, makeStyles, Tooltip } from "@fluentui/react-components";
import { ArrowClockwiseRegular, CheckmarkRegular, DeleteRegular, DismissRegular } from "@fluentui/react-icons";
import type { AdminAction, ConnectionView } from "@linkgate/api/spec";
import { FormattedMessage, useIntl } from "react-intl";
import { findObstacle } from "./legality.ts";

const ACTIONS = [
  { action: "approve", icon: <CheckmarkRegular /> },
  { action: "reject", icon: <DismissRegular /> },
  { action: "remove", icon: <DeleteRegular /> },
] as const;

const useStyles = makeStyles({ toolbar: { display: "flex", flexWrap: "wrap" } });

export interface DecideToolbarProps {
  readonly selection: readonly ConnectionView[];
  onDecide(action: AdminAction): void;
  onRefresh(): void;
}

/** Approve, reject, remove, refresh. A button that can't be used stays to be reached, and says why. */
export function DecideToolbar({ selection, onDecide, onRefresh }: DecideToolbarProps) {
  const styles = useStyles();
  const { formatMessage } = useIntl();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in
    <div role="group" className={styles.toolbar} aria-label={formatMessage({ id: "decide.toolbar" })}>
      {ACTIONS.map(({ action, icon }) => {
        const obstacle = findObstacle(action, selection);
        const button = (
          <Button
            key={action}
            appearance="subtle"
            icon={icon}
            disabledFocusable={obstacle !== undefined}
            onClick={() => obstacle === undefined && onDecide(action)}
          >
            <FormattedMessage id={`decide.${action}`} />
          </Button>
        );
        if (obstacle === undefined) return button;
        return (
          <Tooltip key={action} content={formatMessage({ id: obstacle })} relationship="description">
            {button}
          </Tooltip>
        );
      })}
      <Button appearance="subtle" icon={<ArrowClockwiseRegular />} onClick={onRefresh}>
        <FormattedMessage id="connections.refresh" />
      </Button>
    </div>
  );
}
