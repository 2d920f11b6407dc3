import { isAlive, type ProcessId } from "./lock.ts";

// One follower per NGINX (design 4): whoever holds the lease. All of this runs under the lock.

const LEASE_KEY = "lease";
const LEASE_MS = 3000;

/** Who follows the feed, and until when it may go on without renewing that; null if nobody does. */
export function readLease(): { holder: ProcessId; until: number } | null {
  const [holder = "", until] = (ngx.shared.lg_meta.get(LEASE_KEY) ?? "").split(" ");
  return until === undefined ? null : { holder, until: Number(until) };
}

/** Takes or renews the lease, unless another live process has it. `uptime` is now, in milliseconds. */
export function takeLease(me: ProcessId, uptime: number): boolean {
  const lease = readLease();
  if (lease !== null && lease.holder !== me && lease.until > uptime && isAlive(lease.holder)) return false;
  ngx.shared.lg_meta.set(LEASE_KEY, `${me} ${uptime + LEASE_MS}`);
  return true;
}

/** True while this process has the lease and was not stopped past its end. */
export function holdsLease(me: ProcessId, uptime: number): boolean {
  const lease = readLease();
  return lease !== null && lease.holder === me && lease.until > uptime;
}

/** Gives the lease back, so that another worker goes on at once. */
export function leaveLease(me: ProcessId): void {
  if (readLease()?.holder === me) ngx.shared.lg_meta.delete(LEASE_KEY);
}
