/** SQLSTATEs that say "not now": connection trouble (class 08), shutting down or starting (57P), too many connections,
 * a standby, a lock that took too long, a deadlock or serialization victim, a statement or a transaction that was cut off. */
const TRANSIENT_STATES = /^(08...|57P0[1-5]|53300|25006|25P0[34]|55P03|40P01|40001|57014)$/;

const TRANSIENT_ERRNOS = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
]);

/** The driver's own sentences, which carry no code. */
const TRANSIENT_MESSAGES =
  /^(Connection terminated|timeout (exceeded|expired)|Client has encountered a connection error|Query read timeout|Client was closed|Cannot use a pool after)/i;

/** Whether an error means that PostgreSQL can't be used at the moment, so that the same request may succeed later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isDatabaseUnavailable)) return true;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string" && (TRANSIENT_STATES.test(code) || isNetworkErrno(error, code))) return true;
  return TRANSIENT_MESSAGES.test(error.message) || isDatabaseUnavailable(error.cause);
}

/** Node's own error codes count only when a system call failed, not when a file of ours is missing. */
function isNetworkErrno(error: Error, code: string): boolean {
  const call = "syscall" in error ? error.syscall : undefined;
  return (
    TRANSIENT_ERRNOS.has(code) &&
    (call === undefined || ["connect", "read", "write", "getaddrinfo"].includes(String(call)))
  );
}
