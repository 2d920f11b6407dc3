import type { Directive } from "./parse.ts";
import { isGated, own, type Rule, touchesGate, type World } from "./rule.ts";
import { inForce } from "./scope.ts";

const COUNTED = /\$\{?linkgate_counted\b/;
const COUNTER = /^[\w$]+\.countRequest$/;

/** Requests are counted by being logged: by a format that ends with the variable, whatever their status is. */
export const uncounted: Rule = (scope, world) => {
  if (!isGated(scope)) return [];
  const logs = inForce(scope, "access_log");
  if (logs.some(log => doesCount(log, world))) return [];
  const text =
    "what is not logged by a format with $linkgate_counted, and without if=, is not counted: the portal won't show it";
  return [{ rule: "uncounted", at: logs[0] ?? scope.head, text }];
};

function doesCount({ args: [path, name, ...options] }: Directive, { scopes }: World): boolean {
  if (path === "off" || options.some(option => option.startsWith("if="))) return false;
  const formats = scopes.flatMap(scope => own(scope, "log_format")).filter(({ args }) => args[0] === name);
  return formats.some(({ args }) => args.slice(1).some(arg => COUNTED.test(arg)));
}

/** Read before the log is written, the variable counts a request that has not been decided, and its failure fails the request. */
export const countingFails: Rule = (scope, world) => {
  if (!touchesGate(scope, world)) return [];
  const counters = own(scope, "js_set").filter(
    ({ args }) => args[0] === "$linkgate_counted" || COUNTER.test(args[1] ?? ""),
  );
  const wrong = counters.filter(
    ({ args }) => args[0] !== "$linkgate_counted" || !COUNTER.test(args[1] ?? "") || args.length > 2,
  );
  const early = scope.own.filter(each => each.name !== "js_set" && each.name !== "log_format" && isRead(each));
  return [
    ...wrong.map(at => ({
      rule: "counting-fails",
      at,
      text: "only js_set $linkgate_counted gate.countRequest, without nocache, counts each request once",
    })),
    ...early.map(at => ({
      rule: "counting-fails",
      at,
      text: `${at.name} reads $linkgate_counted before the answer is sent: leave it to log_format`,
    })),
  ];
};

function isRead({ args, block }: Directive): boolean {
  return args.some(arg => COUNTED.test(arg)) || (block ?? []).some(each => COUNTED.test(each.name) || isRead(each));
}
