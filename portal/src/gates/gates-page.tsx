"use client";

import {
  Badge,
  Spinner,
  Table,
  TableBody,
  TableCell,
  TableHeader,
  TableHeaderCell,
  TableRow,
  Text,
} from "@fluentui/react-components";
import type { Gate, GateList } from "@linkgate/api/spec";
import { FormattedDate, FormattedMessage, useIntl } from "react-intl";
import { useRead } from "../api/queries.ts";
import type { MessageId } from "../messages/messages.tsx";
import { PageHeader } from "../shell/page-header.tsx";
import { ProblemBar } from "../shell/problem-bar.tsx";

const COLUMNS: readonly MessageId[] = ["gates.name", "gates.state", "gates.heard", "gates.behind", "gates.waiting"];

/** Every gate, as far as it concerns the caller's accounts. */
export function GatesPage() {
  const { formatMessage } = useIntl();
  const { data, error, refetch } = useRead<GateList>("/gates");
  return (
    <>
      <PageHeader title={formatMessage({ id: "gates.title" })} />
      {error === null ? null : <ProblemBar error={error} onRetry={() => void refetch()} />}
      {data === undefined ? (
        error === null && <Spinner label={<FormattedMessage id="gates.loading" />} />
      ) : data.value.length === 0 ? (
        <Text>
          <FormattedMessage id="gates.empty" />
        </Text>
      ) : (
        <Table aria-label={formatMessage({ id: "gates.title" })}>
          <TableHeader>
            <TableRow>
              {COLUMNS.map(id => (
                <TableHeaderCell key={id}>
                  <FormattedMessage id={id} />
                </TableHeaderCell>
              ))}
            </TableRow>
          </TableHeader>
          <TableBody>
            {data.value.map(gate => (
              <GateRow key={gate.incarnation} gate={gate} />
            ))}
          </TableBody>
        </Table>
      )}
    </>
  );
}

function GateRow({ gate }: { gate: Gate }) {
  const isLost = gate.state === "live" && gate.lost;
  return (
    <TableRow>
      <TableCell>{gate.name}</TableCell>
      <TableCell>
        <Badge appearance="tint" color={isLost ? "danger" : gate.state === "live" ? "success" : "informative"}>
          <FormattedMessage id={isLost ? "gates.state.lost" : `gates.state.${gate.state}`} />
        </Badge>
      </TableCell>
      <TableCell>
        <FormattedDate value={gate.heardAt} dateStyle="medium" timeStyle="medium" />
      </TableCell>
      <TableCell>
        <FormattedMessage id="gates.behind.accounts" values={{ count: gate.behind }} />
      </TableCell>
      <TableCell>
        <FormattedMessage id="gates.waiting.operations" values={{ count: gate.waiting.length }} />
      </TableCell>
    </TableRow>
  );
}
