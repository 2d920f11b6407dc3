/** A link that was given to an account; times are of `performance.now()`. */
export interface Grant {
  readonly account: string;
  readonly linkId: number;
  /** When the approval that was granted was asked for: before it nobody may be admitted. */
  from: number;
  /** When every gate was seen to admit by it: from then on it has to be admitted. */
  settled: number;
  /** When its revocation was asked for. */
  revoking: number;
  /** When the operation was known to have completed: whoever asks later must not be admitted. */
  to: number;
}

/** A request that a gate let through to a service. */
export interface Admission {
  /** Whose service got it. */
  readonly account: string;
  readonly linkId: number;
  readonly opened: number;
  readonly sent: number;
  readonly admitted: number;
}

/** What was acknowledged of links and accounts, and so what gates may do. */
export class Ledger {
  readonly #grants = new Map<number, Grant[]>();

  /** Call it before the approval is asked for. */
  grant(account: string, linkId: number): Grant {
    const never = Number.POSITIVE_INFINITY;
    const grant = { account, linkId, from: performance.now(), settled: never, revoking: never, to: never };
    this.#grants.set(linkId, [...(this.#grants.get(linkId) ?? []), grant]);
    return grant;
  }

  /** The link was given to this account: every revocation before must have completed (feed rule 27). */
  noteGranted(grant: Grant): void {
    const now = performance.now();
    for (const other of this.#grants.get(grant.linkId) ?? []) if (other !== grant) other.to = Math.min(other.to, now);
  }

  /** The grants in force: approved, and nobody has asked to revoke them. */
  get inForce(): Grant[] {
    return [...this.#grants.values()].flat().filter(grant => grant.revoking === Number.POSITIVE_INFINITY);
  }

  get all(): Grant[] {
    return [...this.#grants.values()].flat();
  }

  /** Why this admission is wrong; null if it is right. */
  objectTo(admission: Admission): string | null {
    const { account, linkId, opened, sent, admitted } = admission;
    const grants = this.#grants.get(linkId) ?? [];
    const own = grants.filter(grant => grant.account === account && grant.from <= admitted);
    if (own.length === 0) return `link ${linkId} was never ${account}'s`;
    const last = own.reduce((latest, grant) => (grant.to > latest.to ? grant : latest));
    if (sent > last.to) return `link ${linkId} was revoked for ${account} ${(sent - last.to).toFixed(0)} ms before`;
    // Feed rule 28: a connection from the time when the link was somebody else's is of no use any more.
    const other = grants.find(grant => grant.account !== account && opened > grant.from && opened < grant.revoking);
    const isLater = other !== undefined && own.every(grant => grant.from > other.revoking || grant.to < sent);
    return isLater ? `the connection to ${account} was opened when link ${linkId} was ${other.account}'s` : null;
  }

  /** Why this denial is wrong; null if it is right. */
  objectToDenial(account: string, linkId: number, sent: number, received: number): string | null {
    const grants = this.#grants.get(linkId) ?? [];
    const due = grants.some(each => each.account === account && each.settled < sent && received < each.revoking);
    return due ? `link ${linkId} is ${account}'s` : null;
  }
}
