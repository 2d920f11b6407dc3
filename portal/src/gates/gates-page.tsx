"use client";

import { Badge, Button, makeStyles, TableCell, TableRow, Text } from "@fluentui/react-components";
import type { Gate } from "@linkgate/api/spec";
import { useState } from "react";
import { FormattedDate, FormattedMessage, useIntl } from "react-intl";
import { useGates } from "../api/queries.ts";
import type { MessageId } from "../messages/messages.tsx";
import { useSession } from "../session/session.tsx";
import { DataTable } from "../shell/data-table.tsx";
import { Loaded } from "../shell/loaded.tsx";
import { OnDemand } from "../shell/on-demand.tsx";
import { PageHeader } from "../shell/page-header.tsx";

/** Fetches the dialog, which most visits never open. */
const loadRetireDialog = async () => (await import("./retire-dialog.tsx")).RetireDialog;

const COLUMNS: readonly MessageId[] = [
  "gates.name",
  "gates.version",
  "gates.state",
  "gates.heard",
  "gates.reported",
  "gates.behind",
  "gates.waiting",
];

const useStyles = makeStyles({ cell: { overflowWrap: "anywhere" } });

/** The app role of whoever runs gates: it decides what is shown here; the API decides what is allowed. */
const PLATFORM_ENGINEER = "PlatformEngineer";

/** Every gate, as far as it concerns the caller's accounts. */
export function GatesPage() {
  const { formatMessage } = useIntl();
  const { person } = useSession();
  const gates = useGates();
  const [retiring, setRetiring] = useState<Gate>();
  const mayRetire = person.roles.includes(PLATFORM_ENGINEER);
  return (
    <>
      <PageHeader title={formatMessage({ id: "gates.title" })} />
      <Loaded query={gates}>
        {({ value }) =>
          value.length === 0 ? (
            <Text>
              <FormattedMessage id="gates.empty" />
            </Text>
          ) : (
            <DataTable
              title="gates.title"
              columns={mayRetire ? [...COLUMNS, "gates.retire"] : COLUMNS}
              minWidth="64rem"
            >
              {value.map(gate => (
                <GateRow key={gate.incarnation} gate={gate} onRetire={mayRetire ? setRetiring : undefined} />
              ))}
            </DataTable>
          )
        }
      </Loaded>
      {retiring === undefined ? null : (
        <OnDemand load={loadRetireDialog}>
          {RetireDialog => <RetireDialog gate={retiring} onClose={() => setRetiring(undefined)} />}
        </OnDemand>
      )}
    </>
  );
}

function GateRow({ gate, onRetire }: { gate: Gate; onRetire: ((gate: Gate) => void) | undefined }) {
  const styles = useStyles();
  const isLost = gate.state === "live" && gate.lost;
  return (
    <TableRow>
      <TableCell className={styles.cell}>{gate.name}</TableCell>
      <TableCell className={styles.cell}>{gate.version ?? <FormattedMessage id="gates.never" />}</TableCell>
      <TableCell>
        <Badge appearance="tint" color={isLost ? "danger" : gate.state === "live" ? "success" : "informative"}>
          <FormattedMessage id={isLost ? "gates.state.lost" : `gates.state.${gate.state}`} />
        </Badge>
      </TableCell>
      <TableCell>
        <FormattedDate value={gate.heardAt} dateStyle="medium" timeStyle="medium" />
      </TableCell>
      <TableCell>
        {gate.reportedAt === null ? (
          <FormattedMessage id="gates.never" />
        ) : (
          <FormattedDate value={gate.reportedAt} dateStyle="medium" timeStyle="medium" />
        )}
      </TableCell>
      <TableCell>
        <FormattedMessage id="gates.behind.accounts" values={{ count: gate.behind }} />
      </TableCell>
      <TableCell>
        <FormattedMessage id="gates.waiting.operations" values={{ count: gate.waiting.length }} />
      </TableCell>
      {onRetire === undefined ? null : (
        <TableCell>
          {gate.state === "live" ? (
            <Button size="small" onClick={() => onRetire(gate)}>
              <FormattedMessage id="gates.retire" />
            </Button>
          ) : null}
        </TableCell>
      )}
    </TableRow>
  );
}
