import { parse } from "yaml";

/** Anything that JSON has. */
export type Value = string | number | boolean | null | Value[] | Fields;
/** An object of Envoy's configuration, by the field names of its protobuf messages. */
export type Fields = { [name: string]: Value | undefined };

/** A configuration, as far as the rules look at it. */
export interface Configuration {
  readonly listeners: readonly Fields[];
  /** Route configurations that a listener may refer to by name (RDS). */
  readonly routes: readonly Fields[];
  /** `host` of the admin page's address; null when there is none, or it is not in this text. */
  readonly adminAddress: string | null;
}

/** A text that holds no configuration of Envoy's. */
export class UnreadableConfiguration extends Error {}

/**
 * Reads a bootstrap or a list of listeners as YAML or JSON, or what the admin page answers to `/config_dump`.
 * @throws UnreadableConfiguration for anything else
 */
export function readConfiguration(text: string): Configuration {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: -1 });
  } catch (error) {
    throw new UnreadableConfiguration(error instanceof Error ? error.message : String(error));
  }
  const root = fieldsOf(document as Value);
  const dumps = listOf(root.configs);
  const sections = dumps.length > 0 ? dumps : [root];
  const read = (...path: string[]) => sections.flatMap(section => listOf(find(section, ...path)));
  const listeners = [
    ...read("static_resources", "listeners"),
    ...read("bootstrap", "static_resources", "listeners"),
    ...read("resources").filter(each => String(each["@type"]).endsWith(".Listener")),
    ...read("dynamic_listeners").map(each => fieldsOf(find(each, "active_state", "listener"))),
  ].filter(each => Object.keys(each).length > 0);
  const routes = [...read("static_route_configs"), ...read("dynamic_route_configs")].map(each =>
    fieldsOf(each.route_config),
  );
  const [admin] = sections.map(each => find(each, "admin") ?? find(each, "bootstrap", "admin")).filter(Boolean);
  if (listeners.length === 0 && admin === undefined)
    throw new UnreadableConfiguration(
      "no listener is in it: a bootstrap, a file of listeners or a config_dump is wanted",
    );
  const adminAddress = find(fieldsOf(admin), "address", "socket_address", "address");
  return { listeners, routes, adminAddress: typeof adminAddress === "string" ? adminAddress : null };
}

/** The value behind a path of names; undefined where one is missing. */
export function find(from: Value | undefined, ...path: string[]): Value | undefined {
  return path.reduce<Value | undefined>((value, name) => fieldsOf(value)[name], from);
}

/** The value as an object; an empty one for anything else. */
export function fieldsOf(value: Value | undefined): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** The value as a list of objects; an empty one for anything else. */
export function listOf(value: Value | undefined): Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

/** Every object within a value, itself included. */
export function walk(value: Value | undefined): Fields[] {
  if (Array.isArray(value)) return value.flatMap(walk);
  const fields = fieldsOf(value);
  if (Object.keys(fields).length === 0) return [];
  return [fields, ...Object.values(fields).flatMap(walk)];
}
