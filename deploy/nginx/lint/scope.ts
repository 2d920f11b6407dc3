import type { Directive } from "./parse.ts";

/** A block in which requests are handled: `http`, `server`, `location`, and what may stand in those. */
export interface Scope {
  readonly kind: string;
  /** The directive that opens it. */
  readonly head: Directive;
  readonly parent: Scope | null;
  /** Its own directives, without those that open scopes. */
  readonly own: readonly Directive[];
}

const SCOPES = ["server", "location", "if", "limit_except"];

/** Every scope within `http`, outer ones before inner ones. */
export function findScopes(http: Directive): Scope[] {
  const scopes: Scope[] = [];
  const visit = (head: Directive, parent: Scope | null) => {
    const block = head.block ?? [];
    const isScope = (directive: Directive) => directive.block !== null && SCOPES.includes(directive.name);
    const scope = { kind: head.name, head, parent, own: block.filter(directive => !isScope(directive)) };
    scopes.push(scope);
    for (const directive of block) if (isScope(directive)) visit(directive, scope);
  };
  visit(http, null);
  return scopes;
}

/** The scope itself and those around it, from the inside. */
export function outward(scope: Scope): Scope[] {
  return scope.parent === null ? [scope] : [scope, ...outward(scope.parent)];
}

/** The server that a scope is, or is in; null for `http`. */
export function serverOf(scope: Scope): Scope | null {
  return outward(scope).find(each => each.kind === "server") ?? null;
}

/** True if `scope` is `outer` or within it. */
export function isWithin(scope: Scope, outer: Scope): boolean {
  return outward(scope).includes(outer);
}

/** The directives of this name that are in force: those of the innermost scope that has any, as NGINX inherits. */
export function inForce(scope: Scope, name: string): readonly Directive[] {
  for (const each of outward(scope)) {
    const found = each.own.filter(directive => directive.name === name);
    if (found.length > 0) return found;
  }
  return [];
}

/** The first argument of the directive in force, or what NGINX does without one. */
export function valueInForce(scope: Scope, name: string, fallback: string): string {
  return inForce(scope, name).at(-1)?.args[0] ?? fallback;
}

/** Milliseconds of an NGINX time (`90s`, `1h30m`, `500ms`, a bare number of seconds); NaN for any other text. */
export function parseTime(text: string): number {
  const units: Readonly<Record<string, number>> = {
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
    w: 604_800_000,
    M: 2_592_000_000,
    y: 31_536_000_000,
  };
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(ms|[smhdwMy]))+$/.test(text)) return Number.NaN;
  return [...text.matchAll(/(\d+)(ms|[smhdwMy])/g)].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (units[unit] ?? Number.NaN),
    0,
  );
}
