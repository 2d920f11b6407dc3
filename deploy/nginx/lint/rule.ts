import type { Directive } from "./parse.ts";
import { inForce, isWithin, type Scope } from "./scope.ts";

/** A mistake, where it stands, and what it opens. */
export interface Finding {
  /** The rule's name, which the README explains. */
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** One scope's findings; `gated` are the scopes that the gate's check stands before. */
export type Rule = (scope: Scope, world: World) => (Omit<Finding, "file" | "line"> & { at: Directive })[];
export type World = {
  readonly scopes: readonly Scope[];
  readonly gated: readonly Scope[];
  readonly quarantineMs: number;
  /** True if the gate asks its feed by https. */
  readonly hasSecureFeed: boolean;
};

const GATE_HANDLER = /^[\w$]+\.(checkDirect|checkProxy|checkPublic|checkHealth)$/;

/** Directives that stand in this scope itself. */
export const own = (scope: Scope, ...names: readonly string[]) => scope.own.filter(({ name }) => names.includes(name));

/** True if the gate's check stands before it. */
export const isGated = (scope: Scope) =>
  inForce(scope, "js_access").some(({ args }) => GATE_HANDLER.test(args[0] ?? ""));

/** A scope that gated ones are in, or that is in one: what stands there touches the gate. */
export const touchesGate = (scope: Scope, { gated }: World) =>
  gated.some(each => isWithin(each, scope) || isWithin(scope, each));
