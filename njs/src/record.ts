/** What can fail again and again: to follow the feed, and to report. */
export type Task = "follower" | "reports";

/** The last failure of a task, and how many there were. */
export type FailureRecord = { readonly time: string; readonly text: string; readonly count: number };

/** Notes a failure, for the log and the status page. */
export function recordFailure(task: Task, text: string): void {
  const count = ngx.shared.lg_breaks.incr(`failures of ${task}`, 1, 0);
  const record: FailureRecord = { time: new Date().toISOString(), text: text.slice(0, 500), count };
  ngx.shared.lg_meta.set(`failure of ${task}`, JSON.stringify(record));
  ngx.log(ngx.ERR, `linkgate: ${task}: ${record.text}`);
}

/** The last failure, or null. */
export function readFailure(task: Task): FailureRecord | null {
  return JSON.parse(ngx.shared.lg_meta.get(`failure of ${task}`) ?? "null") as FailureRecord | null;
}
