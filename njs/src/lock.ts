import fs from "node:fs";

// Shared memory has no compare-and-set: whoever changes the state holds this lock. It is taken and given back within one
// synchronous call, so it is held for longer than a page takes only by a process that was stopped or killed in between.

const LOCK_KEY = "lock";

/** A process, told apart from a later one that got the same number: `pid.start`. */
export type ProcessId = string;

/** This worker. @throws Error when /proc is not there */
export function readOwnProcessId(): ProcessId {
  return `${process.pid}.${readStart(String(process.pid)) ?? ""}`;
}

/** True if the process runs, or is stopped, or nobody can tell; false if it has ended. */
export function isAlive(id: ProcessId): boolean {
  const [pid = "", start = ""] = id.split(".");
  try {
    return readStart(pid) === start;
  } catch (error) {
    return (error as { code?: string }).code !== "ENOENT"; // out of files, say: what it may still hold is left to it
  }
}

/**
 * Runs `change` under the lock. Gives null, and does nothing, when another process has it.
 * @param me from {@link readOwnProcessId}
 * @param uptime now, in milliseconds; shown by {@link readLockAge}
 */
export function withLock<T>(me: ProcessId, uptime: number, change: () => T): T | null {
  const meta = ngx.shared.lg_meta;
  const ticket = `${me} ${uptime} ${ngx.shared.lg_breaks.incr("tickets", 1, 0)}`;
  if (!meta.add(LOCK_KEY, ticket) && !(breakDeadLock() && meta.add(LOCK_KEY, ticket))) return null;
  try {
    return change();
  } finally {
    meta.delete(LOCK_KEY);
  }
}

/** Milliseconds for which the lock has been held, 0 when it is free. More than a moment: its holder was stopped. */
export function readLockAge(uptime: number): number {
  const taken = ngx.shared.lg_meta.get(LOCK_KEY)?.split(" ")[1];
  return taken === undefined ? 0 : Math.max(0, uptime - Number(taken));
}

/** Removes the lock of a dead process. Of several that see it dead one removes it, which a counter decides. */
function breakDeadLock(): boolean {
  const meta = ngx.shared.lg_meta;
  const ticket = meta.get(LOCK_KEY);
  if (ticket === undefined) return true;
  const [holder = ""] = ticket.split(" ");
  if (isAlive(holder) || ngx.shared.lg_breaks.incr(`break ${ticket}`, 1, 0) !== 1) return false;
  ngx.log(ngx.WARN, `linkgate: removed the lock of process ${holder}, which has ended`);
  return meta.delete(LOCK_KEY);
}

/**
 * When a process started, in clock ticks: field 22 of its stat, after a name that may hold blanks (proc_pid_stat(5)); null for
 * one that has ended and was not reaped.
 */
function readStart(pid: string): string | null {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? null : (fields[19] ?? null);
}
