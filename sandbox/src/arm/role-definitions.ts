/** What a role allows: `actions` less `notActions`, and the same for data; patterns with `*` for any text. */
export interface Permission {
  actions: readonly string[];
  notActions: readonly string[];
  dataActions: readonly string[];
  notDataActions: readonly string[];
}

export interface RoleDefinition {
  /** The last segment of its id, a GUID. */
  name: string;
  roleName: string;
  description: string;
  type: "BuiltInRole" | "CustomRole";
  permissions: readonly Permission[];
  assignableScopes: readonly string[];
}

const services = "Microsoft.HealthcareApis/services";
const allOfNetwork = "Microsoft.Network/*";

/**
 * Azure's built-in roles as far as the sandbox needs them, with the ids that they have everywhere; then a role for
 * people who decide about private endpoints, what the requirement gives to NRP (Security), and what NRP gives to a
 * resource provider (ARM contract 5).
 */
export const knownRoles = {
  Owner: define("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", "May do everything, and give others access.", ["*"]),
  Contributor: define(
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Contributor",
    "May do everything but give others access.",
    ["*"],
    [
      "Microsoft.Authorization/*/Delete",
      "Microsoft.Authorization/*/Write",
      "Microsoft.Authorization/elevateAccess/Action",
    ],
  ),
  Reader: define("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "May see everything and change nothing.", [
    "*/read",
  ]),
  "Network Contributor": define(
    "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Network Contributor",
    "May manage networks, but not give others access to them.",
    [allOfNetwork, "Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read"],
  ),
  "User Access Administrator": define(
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "User Access Administrator",
    "May give others access.",
    ["*/read", "Microsoft.Authorization/*"],
  ),
  "Private Link Data Admin": custom(
    "5b0c6f3e-2d41-4c58-9a77-1f0e5d4c3b01",
    "Private Link Data Admin",
    "May see an account, and approve, reject and remove its private endpoint connections.",
    [
      `${services}/read`,
      `${services}/privateEndpointConnections/*`,
      `${services}/privateEndpointConnectionsApproval/action`,
      `${services}/privateLinkResources/read`,
    ],
  ),
  "Network Resource Provider": custom(
    "5b0c6f3e-2d41-4c58-9a77-1f0e5d4c3b02",
    "Network Resource Provider",
    "What the Network Resource Provider may do at the accounts.",
    [
      `${services}/privateEndpointConnectionProxies/*`,
      `${services}/privateEndpointConnections/*`,
      "Microsoft.HealthcareApis/locations/operationresults/read",
    ],
  ),
  "Private Link Resource Provider": custom(
    "5b0c6f3e-2d41-4c58-9a77-1f0e5d4c3b03",
    "Private Link Resource Provider",
    "What a resource provider may do at the Network Resource Provider.",
    [
      "Microsoft.Network/privateEndpoints/privateLinkServiceProxies/*",
      "Microsoft.Network/privateLinkServiceProxies/read",
    ],
  ),
} satisfies Record<string, RoleDefinition>;

export type RoleName = keyof typeof knownRoles;

function define(
  name: string,
  roleName: string,
  description: string,
  actions: readonly string[],
  notActions: readonly string[] = [],
): RoleDefinition {
  const permissions = [{ actions, notActions, dataActions: [], notDataActions: [] }];
  return { name, roleName, description, type: "BuiltInRole", permissions, assignableScopes: ["/"] };
}

function custom(name: string, roleName: string, description: string, actions: readonly string[]): RoleDefinition {
  return { ...define(name, roleName, description, actions), type: "CustomRole" };
}

/** Whether a pattern such as `Microsoft.Network/*` names an action; case does not matter, `*` stands for any text. */
export function matchesAction(pattern: string, action: string): boolean {
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

/** Whether a permission allows an action: one of its actions does, and none of its notActions takes it out again. */
export function permits(permission: Permission, action: string): boolean {
  const { actions, notActions } = permission;
  return actions.some(one => matchesAction(one, action)) && !notActions.some(one => matchesAction(one, action));
}
