import type { AdminAction, ConnectionView } from "@linkgate/api/spec";
import type { MessageId } from "../messages/messages.tsx";

/** From which states each action leads on (the registry's own table of transitions decides in the end). */
const FROM: Readonly<Record<AdminAction, readonly ConnectionView["state"][]>> = {
  approve: ["Pending"],
  reject: ["Pending", "Approved"],
  remove: ["Pending", "Approved", "Rejected"],
};

/** Connections that one decision may be about. */
export const MAX_DECIDED = 50;

/**
 * Why an action can't be taken on a selection, for the button's tooltip; undefined when it can. A hint, not a rule: the API
 * decides, whatever is shown here.
 */
export function findObstacle(action: AdminAction, selection: readonly ConnectionView[]): MessageId | undefined {
  if (selection.length === 0) return "decide.obstacle.nothing";
  if (selection.length > MAX_DECIDED) return "decide.obstacle.many";
  if (selection.some(({ progress }) => progress.operation !== undefined)) return "decide.obstacle.running";
  if (selection.some(({ rights }) => !(action === "remove" ? rights.remove : rights.approve)))
    return "decide.obstacle.rights";
  if (selection.some(({ state }) => !FROM[action].includes(state))) return `decide.obstacle.${action}`;
  return undefined;
}

/** What tells one connection from all others, in every account. */
export function keyOf({ account, name }: Pick<ConnectionView, "account" | "name">): string {
  return `${account}/${name}`;
}
