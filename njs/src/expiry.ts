import { parseState, readStateText, writeState } from "./table.ts";

/**
 * Marks the table as expired when its life has ended by the monotonic clock, whatever the wall clock says (feed rule 15): the
 * wall clock, which each request looks at, may have been set back. Runs under the lock.
 * @param uptime now, in milliseconds since the machine started
 */
export function expireByUptime(uptime: number): void {
  const state = parseState(readStateText());
  if (state.zone === null || state.expires.wall === 0 || uptime <= state.expires.uptime) return;
  writeState({ ...state, expires: { wall: 0, uptime: state.expires.uptime } });
  ngx.log(ngx.ERR, "linkgate: the table has expired; nobody is admitted by link until the feed is back");
}
