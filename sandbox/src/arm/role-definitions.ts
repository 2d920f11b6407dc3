import { readFileSync } from "node:fs";

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

/**
 * Azure's built-in roles as far as the sandbox needs them, with the ids that they have everywhere; then those that are
 * asked for at Azure (deploy/arm): so whatever works here works with what is asked for.
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
    ["Microsoft.Network/*", "Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read"],
  ),
  "User Access Administrator": define(
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "User Access Administrator",
    "May give others access.",
    ["*/read", "Microsoft.Authorization/*"],
  ),
  "Private Link Data Admin": readDefinition("private-link-data-admin"),
  "Network Resource Provider": readDefinition("network-resource-provider"),
  // NRP's list of an account's proxies has no public permission; this one is the sandbox's (nrp/proxy-routes.ts).
  "Private Link Resource Provider": readDefinition(
    "resource-provider",
    "Microsoft.Network/privateLinkServiceProxies/read",
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

/** A role definition file as `az role definition create` takes it. */
interface DefinitionFile {
  Name: string;
  Id: string;
  IsCustom: boolean;
  Description: string;
  Actions: string[];
  NotActions: string[];
}

function readDefinition(file: string, ...more: string[]): RoleDefinition {
  const url = new URL(`../../../deploy/arm/role-definitions/${file}.json`, import.meta.url);
  const { Name, Id, IsCustom, Description, Actions, NotActions } = JSON.parse(
    readFileSync(url, "utf8"),
  ) as DefinitionFile;
  const definition = define(Id, Name, Description, [...Actions, ...more], NotActions);
  return { ...definition, type: IsCustom ? "CustomRole" : "BuiltInRole" };
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
