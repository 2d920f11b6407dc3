export type Status = "Pending" | "Approved" | "Rejected" | "Disconnected";
export type Kind = "manual" | "auto";
export type IfMatch = "none" | "any" | "wrong";

/** What a call must answer: the status, and the code of an error. */
export interface Expected {
  readonly status: number;
  readonly code?: string;
  /** The answer names an operation that runs. */
  readonly runs?: boolean;
}

export interface ModelConnection {
  status: Status;
  links: readonly number[];
  /** What NRP sent last; the same again changes nothing. */
  kind: Kind;
  /** A revocation that the gates have not confirmed. */
  runs: boolean;
  /** Its links, and those that are still being revoked. */
  held: Set<number>;
}

export interface ModelAccount {
  access: "Enabled" | "Disabled";
  isDeleting: boolean;
  readonly connections: Map<string, ModelConnection>;
}

const refuse = (status: number, code: string): Expected => ({ status, code });
const missing = refuse(404, "ResourceNotFound");
const busy = refuse(409, "AnotherOperationInProgress");
const forbidden = refuse(409, "InvalidStateTransition");
const unmatched = refuse(412, "PreconditionFailed");

/** Where a PUT of the proxy leads, by what NRP asks for; where the owner's decision does. Nothing else is allowed. */
const ASKED: Record<Status, Partial<Record<Kind, Status>>> = {
  Pending: { manual: "Pending", auto: "Approved" },
  Approved: { manual: "Approved", auto: "Approved" },
  Rejected: { manual: "Pending" },
  Disconnected: {},
};
const DECIDED: Record<Status, readonly Status[]> = {
  Pending: ["Pending", "Approved", "Rejected"],
  Approved: ["Approved", "Rejected"],
  Rejected: ["Rejected"],
  Disconnected: ["Disconnected"],
};

/** The registry as design section 5 describes it: what each call answers, and what it leaves behind. */
export class Model {
  readonly accounts = new Map<string, ModelAccount>();
  readonly #max: number;

  constructor(maxConnections: number) {
    this.#max = maxConnections;
  }

  putAccount(name: string, access: "Enabled" | "Disabled" | undefined, match: IfMatch): Expected {
    const account = this.accounts.get(name);
    if (match === "wrong" || (match === "any" && account === undefined)) return unmatched;
    if (account === undefined) {
      this.accounts.set(name, { access: access ?? "Enabled", isDeleting: false, connections: new Map() });
      return { status: 201 };
    }
    if (account.isDeleting) return busy;
    account.access = access ?? account.access;
    return { status: 200 };
  }

  patchAccount(name: string, access: "Enabled" | "Disabled", match: IfMatch): Expected {
    const account = this.accounts.get(name);
    if (account === undefined) return missing;
    if (match === "wrong") return unmatched;
    if (account.isDeleting) return busy;
    account.access = access;
    return { status: 200 };
  }

  deleteAccount(name: string, match: IfMatch): Expected {
    const account = this.accounts.get(name);
    if (account === undefined) return { status: 204 };
    if (match === "wrong") return unmatched;
    account.isDeleting = true;
    for (const connection of account.connections.values()) this.#disconnect(connection);
    return { status: 202, runs: true };
  }

  validate(name: string, proxy: string): Expected {
    const account = this.accounts.get(name);
    if (account === undefined) return missing;
    if (account.isDeleting) return busy;
    return account.connections.has(proxy) || this.#hasRoom(account) ? { status: 200 } : refuse(409, "QuotaExceeded");
  }

  putProxy(name: string, proxy: string, kind: Kind, links: readonly number[]): Expected {
    const account = this.accounts.get(name);
    if (account === undefined) return missing;
    if (account.isDeleting) return busy;
    const connection = account.connections.get(proxy);
    const status = connection === undefined ? ASKED.Pending[kind] : ASKED[connection.status][kind];
    if (status === undefined) return forbidden;
    if (status === "Approved" && links.length === 0) return refuse(400, "InvalidRequestContent");
    if (connection === undefined) {
      if (!this.#hasRoom(account)) return refuse(409, "QuotaExceeded");
      if (this.#isTaken(links, undefined)) return refuse(409, "LinkIdInUse");
      account.connections.set(proxy, { status, links, kind, runs: false, held: new Set(links) });
      return { status: 201 };
    }
    const isSame =
      status === connection.status && kind === connection.kind && String(links) === String(connection.links);
    if (isSame) return { status: 200, runs: connection.runs };
    if (connection.runs) return busy;
    if (this.#isTaken(links, connection)) return refuse(409, "LinkIdInUse");
    return this.#change(connection, status, links, kind);
  }

  decide(name: string, proxy: string, status: Status): Expected {
    const connection = this.accounts.get(name)?.connections.get(proxy);
    if (connection === undefined) return missing;
    if (!DECIDED[connection.status].includes(status)) return forbidden;
    if (status === connection.status) return { status: 200, runs: connection.runs };
    if (status === "Approved" && connection.links.length === 0) return refuse(409, "LinkIdMissing");
    return this.#change(connection, status, connection.links, connection.kind);
  }

  delete(name: string, proxy: string): Expected {
    const connection = this.accounts.get(name)?.connections.get(proxy);
    if (connection === undefined) return { status: 204 };
    this.#disconnect(connection);
    return { status: 202, runs: true };
  }

  /** The gates have confirmed all that was revoked: everything that runs ends. */
  settle(): void {
    for (const [name, { isDeleting, connections }] of this.accounts) {
      if (isDeleting) this.accounts.delete(name);
      for (const [proxy, connection] of connections) {
        if (connection.status === "Disconnected") connections.delete(proxy);
        connection.runs = false;
        connection.held = new Set(connection.links);
      }
    }
  }

  /** What the gates are to be told of an account, once they have confirmed everything. */
  record(name: string): { publicAccess: string; linkIds: number[] } | undefined {
    const account = this.accounts.get(name);
    if (account === undefined || account.isDeleting) return undefined;
    const inForce = [...account.connections.values()].flatMap(({ status, links }) =>
      status === "Approved" ? links : [],
    );
    return { publicAccess: account.access.toLowerCase(), linkIds: inForce.sort((a, b) => a - b) };
  }

  #change(connection: ModelConnection, status: Status, links: readonly number[], kind: Kind): Expected {
    const before = connection.status === "Approved" ? connection.links : [];
    const after = status === "Approved" ? links : [];
    const revokes = connection.runs || before.some(link => !after.includes(link));
    const held = revokes ? new Set([...connection.held, ...links]) : new Set(links);
    Object.assign(connection, { status, links, kind, runs: revokes, held });
    return { status: 200, runs: revokes };
  }

  #disconnect(connection: ModelConnection): void {
    connection.status = "Disconnected";
    connection.runs = true;
  }

  #hasRoom(account: ModelAccount): boolean {
    return [...account.connections.values()].filter(({ status }) => status !== "Disconnected").length < this.#max;
  }

  #isTaken(links: readonly number[], by: ModelConnection | undefined): boolean {
    const others = [...this.accounts.values()].flatMap(({ connections }) => [...connections.values()]);
    return others.some(other => other !== by && links.some(link => other.held.has(link)));
  }
}
