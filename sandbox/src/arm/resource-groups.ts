import type { FastifyInstance } from "fastify";
import type { AccessControl } from "./access-control.ts";
import { armErrors } from "./errors.ts";
import { readJson } from "./json-body.ts";
import { sameName } from "./resource-path.ts";

/** A resource group as ARM shows it. */
export interface ResourceGroup {
  id: string;
  name: string;
  type: "Microsoft.Resources/resourceGroups";
  location: string;
  tags: Record<string, string>;
  properties: { provisioningState: "Succeeded" };
}

/** The resource groups of all subscriptions, in memory. */
export class ResourceGroups {
  readonly #groups: ResourceGroup[] = [];

  find(subscriptionId: string, name: string): ResourceGroup | undefined {
    return this.list(subscriptionId).find(group => sameName(group.name, name));
  }

  list(subscriptionId: string): ResourceGroup[] {
    return this.#groups.filter(group => sameName(group.id.split("/")[2] ?? "", subscriptionId));
  }

  /** Creates a group, or replaces the tags of an existing one; its location never changes. */
  put(
    subscriptionId: string,
    name: string,
    location: string,
    tags: Record<string, string> = {},
  ): { group: ResourceGroup; created: boolean } {
    const known = this.find(subscriptionId, name);
    if (known) {
      known.tags = tags;
      return { group: known, created: false };
    }
    const group: ResourceGroup = {
      id: `/subscriptions/${subscriptionId}/resourceGroups/${name}`,
      name,
      type: "Microsoft.Resources/resourceGroups",
      location,
      tags,
      properties: { provisioningState: "Succeeded" },
    };
    this.#groups.push(group);
    return { group, created: true };
  }
}

interface Params {
  subscription: string;
  group: string;
}

/** PUT, GET and list of resource groups. */
export async function resourceGroupRoutes(
  app: FastifyInstance,
  options: { groups: ResourceGroups; access: AccessControl },
): Promise<void> {
  const { groups, access } = options;
  const base = "/subscriptions/:subscription/resourcegroups";
  app.get<{ Params: Params }>(base, request => ({
    value: groups
      .list(request.params.subscription)
      .filter(group => access.reaches(request.arm.caller.objectId, group.id)),
  }));
  app.get<{ Params: Params }>(`${base}/:group`, request => {
    const { subscription, group } = request.params;
    const found = groups.find(subscription, group);
    if (!found) throw armErrors.noGroup(group);
    return found;
  });
  app.put<{ Params: Params }>(`${base}/:group`, (request, reply) => {
    const { subscription, group: name } = request.params;
    const body = readJson(request.body);
    if (typeof body.location !== "string" || body.location === "") {
      throw armErrors.badContent("The 'location' property is required for this definition.");
    }
    if (!/^[\w.()-]{1,90}$/.test(name) || name.endsWith(".")) {
      throw armErrors.badContent(`The resource group name '${name}' is invalid.`);
    }
    const known = groups.find(subscription, name);
    if (known && !sameName(known.location, body.location)) {
      throw armErrors.groupElsewhere(known.name, known.location);
    }
    const { group, created } = groups.put(
      subscription,
      name,
      body.location,
      body.tags as Record<string, string> | undefined,
    );
    return reply.code(created ? 201 : 200).send(group);
  });
}
