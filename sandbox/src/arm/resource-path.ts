import { armErrors } from "./errors.ts";

/** A path of ARM, taken apart. Names keep the caller's case; compare them without regard to it. */
export interface ResourcePath {
  /** The whole path, decoded. */
  id: string;
  subscriptionId: string | undefined;
  group: string | undefined;
  /** Of the last `/providers/`, so that an extension resource belongs to its own provider. */
  namespace: string | undefined;
  types: string[];
  names: string[];
}

/**
 * Takes apart `/subscriptions/{s}[/resourceGroups/{g}]/providers/{namespace}/{type}/{name}...`. Two slashes are one: SDKs
 * put a slash before a scope that begins with one, and leave a parent's place empty.
 *
 * @throws ArmError 400 for a segment that a provider could read in another way than the role check did.
 */
export function parseResourcePath(path: string): ResourcePath {
  const segments = path
    .split("/")
    .filter(one => one !== "")
    .map(decodeSegment);
  const parsed: ResourcePath = {
    id: `/${segments.join("/")}`,
    subscriptionId: undefined,
    group: undefined,
    namespace: undefined,
    types: [],
    names: [],
  };
  let index = 0;
  while (index < segments.length) {
    const word = segments[index]?.toLowerCase();
    const value = segments[index + 1];
    if (word === "subscriptions" && index === 0) parsed.subscriptionId = value;
    else if (word === "resourcegroups" && index === 2 && value !== undefined) parsed.group = value;
    else if (word === "providers") Object.assign(parsed, { namespace: value, types: [], names: [] });
    else {
      parsed.types.push(segments[index] ?? "");
      if (value !== undefined) parsed.names.push(value);
    }
    index += 2;
  }
  return parsed;
}

function decodeSegment(segment: string): string {
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch {
    throw armErrors.badPath();
  }
  if (text === "." || text === ".." || /[/\\?#\0]/.test(text)) throw armErrors.badPath();
  return text;
}

/** The scope that an extension resource, such as a role assignment, belongs to; `/` is everything. */
export function scopeOf(path: ResourcePath): string {
  return path.id.slice(0, path.id.toLowerCase().lastIndexOf("/providers/")) || "/";
}

/** Whether the path is a subscription, a resource group, or the list of a subscription's groups. */
export function isPlace(path: ResourcePath): boolean {
  return path.namespace === undefined && path.subscriptionId !== undefined;
}

/** Whether the path is a list, over a subscription or group, of resources that have roles of their own. */
export function isTrackedCollection(path: ResourcePath): boolean {
  const type = [path.namespace, ...path.types].join("/").toLowerCase();
  return path.names.length === 0 && trackedTypes.includes(type);
}

const trackedTypes = ["microsoft.healthcareapis/services", "microsoft.network/privateendpoints"];

/** The permission that a request needs, such as `Microsoft.Network/privateEndpoints/write`. */
export function nameAction(method: string, path: ResourcePath): string {
  const verb = { GET: "read", HEAD: "read", PUT: "write", PATCH: "write", DELETE: "delete" }[method] ?? "action";
  return [nameType(path), verb].join("/");
}

function nameType(path: ResourcePath): string {
  if (path.namespace === undefined) {
    return path.group === undefined && path.types.length === 0
      ? "Microsoft.Resources/subscriptions"
      : "Microsoft.Resources/subscriptions/resourceGroups";
  }
  if (path.types.length === 0) return "Microsoft.Resources/subscriptions/providers";
  return [path.namespace, ...path.types].join("/");
}

/** Whether two names of ARM are the same. */
export function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
