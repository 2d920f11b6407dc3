"use client";

import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import type { Gate } from "@linkgate/api/spec";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { FormattedMessage } from "react-intl";
import { call, toPath } from "../api/client.ts";
import { readAgain } from "../api/read-again.ts";
import { useSession } from "../session/session.tsx";
import { ProblemBar } from "../shell/problem-bar.tsx";

const useStyles = makeStyles({ content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM } });

/** Says what retiring vouches for, before anybody does (feed rule 25: a wrong vouch is unsafe until the gate asks again). */
export function RetireDialog({ gate, onClose }: { gate: Gate; onClose(): void }) {
  const styles = useStyles();
  const { getToken } = useSession();
  const queries = useQueryClient();
  const retire = useMutation({
    retry: false,
    mutationFn: () => call<Gate>(getToken, `/gates${toPath(gate.incarnation)}/retire`, { method: "POST" }),
    onSuccess: onClose,
    onSettled: () => readAgain(queries),
  });
  return (
    <Dialog open modalType="modal" onOpenChange={(_, { open }) => !open && !retire.isPending && onClose()}>
      <DialogSurface aria-describedby={undefined}>
        <DialogBody>
          <DialogTitle>
            <FormattedMessage id="gates.retire.title" values={{ name: gate.name }} />
          </DialogTitle>
          <DialogContent className={styles.content}>
            <Text>
              <FormattedMessage id="gates.retire.vouch" />
            </Text>
            <Text>
              <FormattedMessage id="gates.retire.waiting" values={{ count: gate.waiting.length }} />
            </Text>
            <Text>
              <FormattedMessage id="gates.retire.incarnation" values={{ id: <code>{gate.incarnation}</code> }} />
            </Text>
            {retire.error === null ? null : <ProblemBar error={retire.error} />}
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" disabledFocusable={retire.isPending} onClick={() => retire.mutate()}>
              <FormattedMessage id="gates.retire" />
            </Button>
            <Button disabled={retire.isPending} onClick={onClose}>
              <FormattedMessage id="decide.cancel" />
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
