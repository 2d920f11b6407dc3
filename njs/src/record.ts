const FAILURE_KEY = "failure";

/** The last failure to follow the feed, and how many there were. */
export type FailureRecord = { readonly time: string; readonly text: string; readonly count: number };

/** Notes a failure, for the log and the status page. */
export function recordFailure(text: string): void {
  const count = ngx.shared.lg_breaks.incr("failures", 1, 0);
  const record: FailureRecord = { time: new Date().toISOString(), text: text.slice(0, 500), count };
  ngx.shared.lg_meta.set(FAILURE_KEY, JSON.stringify(record));
  ngx.log(ngx.ERR, `linkgate: follower: ${record.text}`);
}

/** The last failure, or null. */
export function readFailure(): FailureRecord | null {
  return JSON.parse(ngx.shared.lg_meta.get(FAILURE_KEY) ?? "null") as FailureRecord | null;
}
