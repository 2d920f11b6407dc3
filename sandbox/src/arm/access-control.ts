import { randomUUID } from "node:crypto";
import { knownRoles, type Permission, permits, type RoleDefinition, type RoleName } from "./role-definitions.ts";

/** A role that somebody has from the start, by name. */
export interface Grant {
  role: RoleName;
  /** A resource path without host: `/`, a management group, a subscription, a group or a resource. */
  scope: string;
}

/** A role of a principal on a scope and everything below it. */
export interface RoleAssignment {
  /** The last segment of its id, a GUID. */
  name: string;
  scope: string;
  principalId: string;
  principalType: "User" | "ServicePrincipal";
  /** `name` of the role definition. */
  role: string;
  createdBy: string;
  createdOn: string;
}

/**
 * Who may do what, by Azure's rules: roles are inherited downwards (management group, subscription, group, resource),
 * several add up, and a role's notActions take away from that role alone.
 */
export class AccessControl {
  readonly #definitions = new Map<string, RoleDefinition>();
  readonly #assignments = new Map<string, RoleAssignment>();
  readonly #rootGroup: string;

  /** @param tenantId Also the name of the root management group, which all subscriptions are in. */
  constructor(tenantId: string) {
    this.#rootGroup = `/providers/microsoft.management/managementgroups/${tenantId.toLowerCase()}`;
    for (const definition of Object.values(knownRoles)) this.define(definition);
  }

  get definitions(): RoleDefinition[] {
    return [...this.#definitions.values()];
  }

  get assignments(): RoleAssignment[] {
    return [...this.#assignments.values()];
  }

  findDefinition(name: string): RoleDefinition | undefined {
    return this.#definitions.get(name.toLowerCase());
  }

  findAssignment(scope: string, name: string): RoleAssignment | undefined {
    const found = this.#assignments.get(name.toLowerCase());
    return found && sameScope(found.scope, scope) ? found : undefined;
  }

  define(definition: RoleDefinition): void {
    this.#definitions.set(definition.name.toLowerCase(), definition);
  }

  undefine(name: string): void {
    this.#definitions.delete(name.toLowerCase());
  }

  assign(assignment: RoleAssignment): void {
    this.#assignments.set(assignment.name.toLowerCase(), assignment);
  }

  unassign(name: string): void {
    this.#assignments.delete(name.toLowerCase());
  }

  /** Gives a principal the roles that it has from the start. */
  grant(principalId: string, principalType: RoleAssignment["principalType"], grants: readonly Grant[]): void {
    for (const { role, scope } of grants) {
      const createdOn = new Date().toISOString();
      const made = { name: randomUUID(), scope, principalId, principalType, role: knownRoles[role].name };
      this.assign({ ...made, createdBy: "", createdOn });
    }
  }

  /** Everything that a principal may do on a scope, one permission for each of its roles there. */
  listPermissions(principalId: string, scope: string): Permission[] {
    return this.assignments
      .filter(one => one.principalId === principalId && this.covers(one.scope, scope))
      .flatMap(one => this.findDefinition(one.role)?.permissions ?? []);
  }

  /** Whether a principal may do an action, such as `Microsoft.Network/privateEndpoints/write`, on a scope. */
  isAllowed(principalId: string, action: string, scope: string): boolean {
    return this.listPermissions(principalId, scope).some(one => permits(one, action));
  }

  /** Whether a principal may do an action on something within a scope, or on all of it. */
  isAllowedWithin(principalId: string, action: string, scope: string): boolean {
    return (
      this.isAllowed(principalId, action, scope) ||
      this.assignments.some(
        one =>
          one.principalId === principalId &&
          this.covers(scope, one.scope) &&
          this.findDefinition(one.role)?.permissions.some(permission => permits(permission, action)),
      )
    );
  }

  /** Whether a principal has a role on a scope, above it or within it: who sees a thing sees where it is. */
  reaches(principalId: string, scope: string): boolean {
    return this.assignments.some(
      one => one.principalId === principalId && (this.covers(one.scope, scope) || this.covers(scope, one.scope)),
    );
  }

  /** Whether `wider` is `scope` or lies above it. Scopes compare without regard to case (ARM contract 4.5). */
  covers(wider: string, scope: string): boolean {
    const prefix = trimScope(wider);
    const inner = `${trimScope(scope)}/`;
    return inner.startsWith(`${prefix}/`) || (prefix === this.#rootGroup && inner.startsWith("/subscriptions/"));
  }
}

export function sameScope(left: string, right: string): boolean {
  return trimScope(left) === trimScope(right);
}

function trimScope(scope: string): string {
  return scope.toLowerCase().replace(/\/+$/, "");
}
