import type { ConnectionStatus } from "../database/schema.ts";

/** Where a connection stands; `Absent` when there is none of that name. */
export type From = ConnectionStatus | "Absent";

/**
 * What can be asked of a connection:
 * `request`, NRP PUTs the proxy with a manual connection; `grant`, NRP PUTs it with an automatic one (ARM has checked
 * the customer's right on the account); `set-...`, NRP PUTs the connection with that status, which a data admin chose;
 * `delete`, NRP DELETEs proxy or connection.
 */
export type Action =
  | "request"
  | "grant"
  | "set-pending"
  | "set-approved"
  | "set-rejected"
  | "set-disconnected"
  | "delete";

/**
 * The transition table (design 5). `null` is refused with 409. The state again is a 200 that changes no state. NRP
 * repeats its PUT of a proxy that was approved by hand, which keeps what the admin decided. A rejected endpoint isn't
 * approved, it is asked for again; a disconnected one is on its way out and takes nothing any more.
 */
const TABLE: Record<From, Record<Action, ConnectionStatus | null>> = {
  Absent: {
    request: "Pending",
    grant: "Approved",
    "set-pending": null,
    "set-approved": null,
    "set-rejected": null,
    "set-disconnected": null,
    delete: null,
  },
  Pending: {
    request: "Pending",
    grant: "Approved",
    "set-pending": "Pending",
    "set-approved": "Approved",
    "set-rejected": "Rejected",
    "set-disconnected": null,
    delete: "Disconnected",
  },
  Approved: {
    request: "Approved",
    grant: "Approved",
    "set-pending": null,
    "set-approved": "Approved",
    "set-rejected": "Rejected",
    "set-disconnected": null,
    delete: "Disconnected",
  },
  Rejected: {
    request: "Pending",
    grant: null,
    "set-pending": null,
    "set-approved": null,
    "set-rejected": "Rejected",
    "set-disconnected": null,
    delete: "Disconnected",
  },
  Disconnected: {
    request: null,
    grant: null,
    "set-pending": null,
    "set-approved": null,
    "set-rejected": null,
    "set-disconnected": "Disconnected",
    delete: "Disconnected",
  },
};

/** @returns the state after the action, or null when it is forbidden */
export function transition(from: From, action: Action): ConnectionStatus | null {
  return TABLE[from][action];
}

/** Why an action is forbidden, for the caller to read. */
export function explainRefusal(name: string, from: From, action: Action): string {
  const connection = `The private endpoint connection '${name}'`;
  switch (from) {
    case "Absent":
      return `${connection} does not exist.`;
    case "Disconnected":
      return `${connection} is being deleted.`;
    case "Rejected":
      return action === "set-approved" || action === "grant"
        ? `${connection} was rejected. It can't be approved; the endpoint has to be requested again.`
        : `${connection} is Rejected, which allows no such change.`;
    case "Pending":
    case "Approved":
      return action === "set-disconnected"
        ? `${connection} is disconnected by deleting it.`
        : `${connection} is ${from}, which allows no such change.`;
  }
}
