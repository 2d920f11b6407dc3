import type { FastifyInstance, FastifyRequest } from "fastify";
import { type AccessControl, type RoleAssignment, sameScope } from "./access-control.ts";
import { armErrors } from "./errors.ts";
import { readJson } from "./json-body.ts";
import { sameName, scopeOf } from "./resource-path.ts";
import { knownRoles, type Permission, type RoleDefinition } from "./role-definitions.ts";

export interface AuthorizationOptions {
  access: AccessControl;
  tenantId: string;
  /** What a principal of the directory is; undefined where there is none. */
  findPrincipal(objectId: string): RoleAssignment["principalType"] | undefined;
}

interface Params {
  name: string;
}

const subscription = "/subscriptions/:subscription";
const group = `${subscription}/resourcegroups/:group`;
const service = `${group}/providers/Microsoft.HealthcareApis/services/:resource`;
/** Everything that roles can be given on. */
const scopes = [
  "",
  "/providers/Microsoft.Management/managementGroups/:managementGroup",
  subscription,
  group,
  service,
  `${service}/:childType/:child`,
  `${group}/providers/Microsoft.Network/privateEndpoints/:resource`,
];
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const namespace = "providers/Microsoft.Authorization";

/** `Microsoft.Authorization` at every scope: role assignments, role definitions, and what the caller may do. */
export async function authorizationRoutes(app: FastifyInstance, options: AuthorizationOptions): Promise<void> {
  for (const scope of scopes) {
    const base = `${scope}/${namespace}`;
    app.get(`${base}/permissions`, request => ({
      value: options.access.listPermissions(request.arm.caller.objectId, scopeOf(request.arm.path)).map(copyPermission),
    }));
    await app.register(assignmentRoutes, { ...options, base: `${base}/roleAssignments` });
    await app.register(definitionRoutes, { ...options, base: `${base}/roleDefinitions` });
  }
}

async function assignmentRoutes(app: FastifyInstance, options: AuthorizationOptions & { base: string }): Promise<void> {
  const { access, base } = options;
  const find = (request: FastifyRequest<{ Params: Params }>): RoleAssignment | undefined =>
    access.findAssignment(scopeOf(request.arm.path), request.params.name);

  app.get(base, request => {
    const scope = scopeOf(request.arm.path);
    const filter = readAssignmentFilter((request.query as Record<string, unknown>).$filter);
    const found = access.assignments.filter(one => {
      if (filter.principalId !== undefined && !sameName(one.principalId, filter.principalId)) return false;
      return access.covers(one.scope, scope) || (!filter.atScope && access.covers(scope, one.scope));
    });
    return { value: found.map(showAssignment) };
  });
  app.get<{ Params: Params }>(`${base}/:name`, request => {
    const found = find(request);
    if (!found) throw armErrors.noRoleAssignment(request.params.name);
    return showAssignment(found);
  });
  app.put<{ Params: Params }>(`${base}/:name`, (request, reply) => {
    const wish = readAssignment(request, options);
    const known = access.assignments.find(one => sameName(one.name, wish.name));
    if (known) {
      if (!isSameAssignment(known, wish)) throw armErrors.roleAssignmentFixed();
      return reply.code(200).send(showAssignment(known));
    }
    if (access.assignments.some(one => isSameAssignment(one, wish))) throw armErrors.roleAssignmentExists();
    access.assign(wish);
    return reply.code(201).send(showAssignment(wish));
  });
  app.delete<{ Params: Params }>(`${base}/:name`, (request, reply) => {
    const found = find(request);
    if (!found) return reply.code(204).send();
    access.unassign(found.name);
    return reply.code(200).send(showAssignment(found));
  });
}

async function definitionRoutes(app: FastifyInstance, options: AuthorizationOptions & { base: string }): Promise<void> {
  const { access, base } = options;
  const find = (name: string): RoleDefinition => {
    const found = access.findDefinition(name);
    if (!found) throw armErrors.noRoleDefinition(name);
    return found;
  };

  app.get(base, request => {
    const filter = readDefinitionFilter((request.query as Record<string, unknown>).$filter);
    return { value: access.definitions.filter(filter).map(showDefinition) };
  });
  app.get<{ Params: Params }>(`${base}/:name`, request => showDefinition(find(request.params.name)));
  app.put<{ Params: Params }>(`${base}/:name`, (request, reply) => {
    const definition = readDefinition(request);
    const known = access.definitions.some(one => sameName(one.name, definition.name));
    access.define(definition);
    return reply.code(known ? 200 : 201).send(showDefinition(definition));
  });
  app.delete<{ Params: Params }>(`${base}/:name`, (request, reply) => {
    const found = access.findDefinition(request.params.name);
    if (!found) return reply.code(204).send();
    if (isBuiltIn(found.name)) throw armErrors.roleFixed(found.roleName);
    if (access.assignments.some(one => sameName(one.role, found.name))) throw armErrors.roleInUse();
    access.undefine(found.name);
    return reply.code(200).send(showDefinition(found));
  });
}

/** The filters that Azure knows: `atScope()`, `principalId eq '{id}'`, `assignedTo('{id}')`, and two of them with `and`. */
function readAssignmentFilter(filter: unknown): { atScope: boolean; principalId?: string } {
  if (filter === undefined || filter === "") return { atScope: false };
  const parts = String(filter).split(/ and /i);
  const ids = parts.flatMap(part => /^\s*(?:principalId eq '([^']*)'|assignedTo\('([^']*)'\))\s*$/i.exec(part) ?? []);
  const atScope = parts.some(part => /^\s*atScope\(\)\s*$/i.test(part));
  if (ids.length / 3 + Number(atScope) < parts.length) throw armErrors.badFilter(String(filter));
  const principalId = ids[1] ?? ids[2];
  return { atScope, ...(principalId === undefined ? {} : { principalId }) };
}

function readDefinitionFilter(filter: unknown): (definition: RoleDefinition) => boolean {
  if (filter === undefined || filter === "" || filter === "atScopeAndBelow()") return () => true;
  const [, key = "", value = ""] = /^\s*(roleName|type) eq '([^']*)'\s*$/i.exec(String(filter)) ?? [];
  if (key === "") throw armErrors.badFilter(String(filter));
  return one => sameName(key.toLowerCase() === "type" ? one.type : one.roleName, value);
}

function readAssignment(request: FastifyRequest<{ Params: Params }>, options: AuthorizationOptions): RoleAssignment {
  const { caller, path } = request.arm;
  const { name } = request.params;
  if (!guid.test(name)) throw armErrors.badRoleName(name);
  const { properties = {} } = readJson(request.body) as { properties?: Record<string, unknown> };
  const { roleDefinitionId, principalId } = properties;
  if (typeof roleDefinitionId !== "string" || typeof principalId !== "string") {
    throw armErrors.badContent("properties.roleDefinitionId and properties.principalId are required.");
  }
  const role = options.access.findDefinition(roleDefinitionId.split("/").at(-1) ?? "");
  if (!role) throw armErrors.noRoleDefinition(roleDefinitionId);
  const principalType = options.findPrincipal(principalId);
  if (!principalType) throw armErrors.noPrincipal(principalId, options.tenantId);
  return {
    name: name.toLowerCase(),
    scope: scopeOf(path),
    principalId: principalId.toLowerCase(),
    principalType,
    role: role.name,
    createdBy: caller.objectId,
    createdOn: new Date().toISOString(),
  };
}

function isSameAssignment(left: RoleAssignment, right: RoleAssignment): boolean {
  return left.principalId === right.principalId && left.role === right.role && sameScope(left.scope, right.scope);
}

function readDefinition(request: FastifyRequest<{ Params: Params }>): RoleDefinition {
  const { name } = request.params;
  if (!guid.test(name)) throw armErrors.badRoleName(name);
  const { properties = {} } = readJson(request.body) as { properties?: Record<string, unknown> };
  const { roleName, description = "", permissions, assignableScopes = [scopeOf(request.arm.path)] } = properties;
  if (typeof roleName !== "string" || roleName === "" || !Array.isArray(permissions)) {
    throw armErrors.badContent("properties.roleName and properties.permissions are required.");
  }
  if (isBuiltIn(name)) throw armErrors.roleFixed(roleName);
  return {
    name: name.toLowerCase(),
    roleName,
    description: String(description),
    type: "CustomRole",
    permissions: permissions.map(readPermission),
    assignableScopes: readTexts(assignableScopes),
  };
}

function readPermission(value: unknown): Permission {
  const { actions, notActions, dataActions, notDataActions } = (value ?? {}) as Record<string, unknown>;
  return {
    actions: readTexts(actions ?? []),
    notActions: readTexts(notActions ?? []),
    dataActions: readTexts(dataActions ?? []),
    notDataActions: readTexts(notDataActions ?? []),
  };
}

function readTexts(value: unknown): string[] {
  if (Array.isArray(value) && value.every(one => typeof one === "string")) return value;
  throw armErrors.badContent("Actions and assignable scopes are lists of texts.");
}

/** The sandbox's own custom roles too: everything in it relies on them. */
function isBuiltIn(name: string): boolean {
  return Object.values(knownRoles).some(one => sameName(one.name, name));
}

function copyPermission({ actions, notActions, dataActions, notDataActions }: Permission): Permission {
  return { actions, notActions, dataActions, notDataActions };
}

function showAssignment(assignment: RoleAssignment): Record<string, unknown> {
  const { name, scope, principalId, principalType, role, createdBy, createdOn } = assignment;
  const subscriptionScope = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? "";
  return {
    id: `${scope === "/" ? "" : scope}/${namespace}/roleAssignments/${name}`,
    name,
    type: "Microsoft.Authorization/roleAssignments",
    properties: {
      scope,
      roleDefinitionId: `${subscriptionScope}/${namespace}/roleDefinitions/${role}`,
      principalId,
      principalType,
      createdOn,
      updatedOn: createdOn,
      createdBy,
      updatedBy: createdBy,
    },
  };
}

function showDefinition(definition: RoleDefinition): Record<string, unknown> {
  const { name, roleName, description, type, permissions, assignableScopes } = definition;
  return {
    id: `/${namespace}/roleDefinitions/${name}`,
    name,
    type: "Microsoft.Authorization/roleDefinitions",
    properties: { roleName, description, type, permissions: permissions.map(copyPermission), assignableScopes },
  };
}
