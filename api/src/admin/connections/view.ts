import type { ConnectionView, ProgressView, RightsView } from "../../../spec/generated/types.ts";
import { accountId } from "../../arm/paths.ts";
import { NO_RIGHTS, type Rights } from "../access/actions.ts";
import { toDecisionView } from "../history/view.ts";
import type { ConnectionRow } from "./repository.ts";

/** A connection as an admin sees it. Much of it was written by another customer: it is text, and nothing but text. */
export function toConnectionView(row: ConnectionRow, rights: Rights = NO_RIGHTS): ConnectionView {
  const endpoint = row.remote_private_endpoint;
  const place = { subscription_id: row.subscription_id, resource_group: row.resource_group, name: row.account_name };
  const requests = [
    ...listOf(endpoint.manualPrivateLinkServiceConnections),
    ...listOf(endpoint.privateLinkServiceConnections),
  ];
  const addresses = listOf(endpoint.connectionDetails).flatMap(detail => textOf(detail.privateIpAddress) ?? []);
  const location = textOf(endpoint.location);
  return {
    id: `${accountId(place)}/privateEndpointConnections/${row.name}`,
    account: row.account,
    accountName: row.account_name,
    subscriptionId: row.subscription_id,
    resourceGroup: row.resource_group,
    name: row.name,
    etag: row.etag,
    state: row.status,
    provisioningState: row.provisioning_state,
    description: row.description,
    actionsRequired: row.actions_required,
    requestMessage: requests.map(request => textOf(request.requestMessage)).find(text => text !== undefined) ?? "",
    privateEndpoint: { id: textOf(endpoint.id) ?? "", ...(location === undefined ? {} : { location }) },
    linkIds: row.link_ids,
    privateAddresses: [...new Set(addresses)],
    requestedAt: row.created_at.toISOString(),
    lastTrafficAt: row.last_admitted?.toISOString() ?? null,
    lastDeniedAt: row.last_denied?.toISOString() ?? null,
    ...(row.last === null ? {} : { lastDecision: toDecisionView(row.last) }),
    progress: toProgress(row),
    rights: toRightsView(rights),
  };
}

export function toRightsView({ approve, remove }: Rights): RightsView {
  return { approve, remove };
}

/** Only an approval and a withdrawal have to reach the gates; whatever else there is was never admitted. */
function toProgress({
  operation,
  status,
  gates,
  in_force: inForce,
  waiting_for: waiting,
}: ConnectionRow): ProgressView {
  if (operation === null) {
    if (status !== "Approved" || inForce === gates) return { phase: "done", gates, inForce: gates, waitingFor: [] };
    return { phase: "spreading", gates, inForce, waitingFor: [...waiting] };
  }
  return {
    phase: operation.has_passed ? "draining" : "spreading",
    gates,
    inForce,
    waitingFor: [...waiting],
    operation: {
      id: operation.id,
      kind: operation.kind,
      startedAt: new Date(operation.started_at).toISOString(),
    },
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const listOf = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(member => typeof member === "object" && member !== null) : [];
