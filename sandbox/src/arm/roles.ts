/** A role on a scope and everything below it, as Azure's role assignments give it. */
export interface RoleAssignment {
  role: RoleName;
  /** A resource path without host: `/`, a subscription, a group or a resource. */
  scope: string;
}

interface Role {
  actions: readonly string[];
  notActions: readonly string[];
}

export type RoleName =
  | "Owner"
  | "Contributor"
  | "Reader"
  | "Network Contributor"
  | "Network Resource Provider"
  | "Private Link Resource Provider";

const provider = "Microsoft.HealthcareApis/services";

/**
 * Built-in roles as far as the sandbox needs them; then what the requirement gives to NRP (Security), and what NRP gives
 * to a resource provider (ARM contract 5).
 */
const roles: Record<RoleName, Role> = {
  Owner: { actions: ["*"], notActions: [] },
  Contributor: {
    actions: ["*"],
    notActions: [
      "Microsoft.Authorization/*/Delete",
      "Microsoft.Authorization/*/Write",
      "Microsoft.Authorization/elevateAccess/Action",
    ],
  },
  Reader: { actions: ["*/read"], notActions: [] },
  "Network Contributor": {
    actions: ["Microsoft.Network/*", "Microsoft.Resources/subscriptions/resourceGroups/read"],
    notActions: [],
  },
  "Network Resource Provider": {
    actions: [
      `${provider}/privateEndpointConnectionProxies/*`,
      `${provider}/privateEndpointConnections/*`,
      "Microsoft.HealthcareApis/locations/operationresults/read",
    ],
    notActions: [],
  },
  "Private Link Resource Provider": {
    actions: [
      "Microsoft.Network/privateEndpoints/privateLinkServiceProxies/*",
      "Microsoft.Network/privateLinkServiceProxies/read",
    ],
    notActions: [],
  },
};

/** Whether one of the assignments allows an action, such as `Microsoft.Network/privateEndpoints/write`, on a scope. */
export function isAllowed(assignments: readonly RoleAssignment[], action: string, scope: string): boolean {
  return assignments.some(assignment => {
    if (!covers(assignment.scope, scope)) return false;
    const role = roles[assignment.role];
    return role.actions.some(one => matches(one, action)) && !role.notActions.some(one => matches(one, action));
  });
}

/** Names in scopes and actions compare without regard to case (ARM contract 4.5). */
function covers(wider: string, scope: string): boolean {
  const prefix = wider.toLowerCase().replace(/\/$/, "");
  return `${scope.toLowerCase()}/`.startsWith(`${prefix}/`);
}

function matches(pattern: string, action: string): boolean {
  const [first = "", ...rest] = pattern.toLowerCase().split("*");
  let text = action.toLowerCase();
  if (!text.startsWith(first)) return false;
  text = text.slice(first.length);
  for (const [index, part] of rest.entries()) {
    const at = index === rest.length - 1 ? text.length - part.length : text.indexOf(part);
    if (at < 0 || !text.startsWith(part, at)) return false;
    text = text.slice(at + part.length);
  }
  return text === "";
}
