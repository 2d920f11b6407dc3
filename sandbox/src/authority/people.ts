import { randomBytes } from "node:crypto";
import type { Grant } from "../arm/access-control.ts";
import { subscriptionId } from "./applications.ts";

/** Somebody with a password, who signs in with a browser. */
export interface Person {
  /** Key of `portal.people` in `stack.json`. */
  key: string;
  objectId: string;
  name: string;
  /** What they type, and the claim `preferred_username`. */
  userName: string;
  password: string;
  /** What they may do at ARM from the start. */
  grants: Grant[];
  /** App roles that the api's admin audience finds in their tokens. */
  appRoles: string[];
}

/** The two accounts that the data admin decides for, whether or not they have been created yet. */
export const peoplesAccounts = ["contoso", "fabrikam"];

const subscription = `/subscriptions/${subscriptionId}`;
const services = `${subscription}/resourceGroups/linkgate/providers/Microsoft.HealthcareApis/services`;

/** The people of a new sandbox, each with a password drawn now. */
export function createPeople(): Person[] {
  const grants = peoplesAccounts.map(name => ({
    role: "Private Link Data Admin" as const,
    scope: `${services}/${name}`,
  }));
  return [
    create("data-admin", "0b1ec700-2222-4f6a-9a10-000000000001", "Dana Ortiz", grants),
    create("reader", "0b1ec700-2222-4f6a-9a10-000000000002", "Ravi Rao", [{ role: "Reader", scope: subscription }]),
    create("platform-engineer", "0b1ec700-2222-4f6a-9a10-000000000003", "Petra Ek", [], ["PlatformEngineer"]),
    create("no-rights", "0b1ec700-2222-4f6a-9a10-000000000004", "Noor Haddad", []),
  ];
}

function create(key: string, objectId: string, name: string, grants: Grant[], appRoles: string[] = []): Person {
  const userName = `${name.split(" ", 1)[0]?.toLowerCase()}@sandbox.example`;
  return { key, objectId, name, userName, password: randomBytes(12).toString("base64url"), grants, appRoles };
}
