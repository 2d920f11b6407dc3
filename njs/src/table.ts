import { TABLE_CURRENT, TABLE_EXPIRED, TABLE_NONE, type Table } from "@linkgate/core";
import type { Moment } from "./clock.ts";
import { drawRandomId } from "./incarnation.ts";

// The table lies in two zones of shared memory, of which one is in force; a full load fills the other (feed rule 21). One key
// of the meta zone, the state, says which, until when it may admit by link, and how far the feed was followed. It changes as a
// whole, so that a worker killed at any point leaves nothing half done. A request makes two reads: the state, then the entry.

const STATE_KEY = "state";
const NO_ZONE = "-";
/** In each zone of the table, beside the accounts: no account has this name. */
const ID_KEY = "#";

/** A full load under way: the zone that it fills, and its number (feed rule 20). */
export type Load = { readonly zone: number; readonly generation: number };

/** Everything that the follower keeps beside the entries. Never changed in place. */
export type TableState = {
  /** The zone in force, 0 or 1; null while there is no whole table. */
  readonly zone: number | null;
  /** Until when the table admits by link, by each clock, in milliseconds. 0: it no longer does. */
  readonly expires: Moment;
  /** When the first poll of the last whole sweep was sent (feed rule 15). */
  readonly sent: Moment;
  /** The number of the load that the zone in force came from. */
  readonly generation: number;
  /** The highest number that any load was given. */
  readonly lastGeneration: number;
  /** Where the feed goes on; empty for a first load. */
  readonly cursor: string;
  /** When the first poll of the sweep under way was sent; null between sweeps. */
  readonly sweep: Moment | null;
  readonly load: Load | null;
};

const NEVER: Moment = { wall: 0, uptime: 0 };

/** What a gate begins with, and what it goes back to when it must drop its table (feed rule 25). */
export const EMPTY_STATE: TableState = {
  zone: null,
  expires: NEVER,
  sent: NEVER,
  generation: 0,
  lastGeneration: 0,
  cursor: "",
  sweep: null,
  load: null,
};

/**
 * Which two zones a state speaks of. A reload with other sizes makes new, empty zones beside the old ones, which old workers
 * keep until they have ended: neither may take the other's state for its own.
 */
function markOfZones(): string {
  return `${identify(zoneOf(0))}/${identify(zoneOf(1))} `;
}

/** The zone's own name, given by the first who asks. */
function identify(zone: NginxDict<string>): string {
  if (zone.get(ID_KEY) === undefined) zone.add(ID_KEY, drawRandomId());
  return zone.get(ID_KEY) ?? "";
}

/** Empties a zone, which stays the one that it is. */
export function clearZone(zone: number): void {
  const dict = zoneOf(zone);
  const id = identify(dict);
  dict.clear();
  dict.set(ID_KEY, id);
}

/** The state as it is written: whose it is, zone in force, end of its life by the wall clock, then all of it as JSON. */
export function formatState(state: TableState): string {
  return `${markOfZones()}${state.zone ?? NO_ZONE}${state.expires.wall} ${JSON.stringify(state)}`;
}

/** Reads what {@link formatState} wrote; undefined, as in an empty zone, is {@link EMPTY_STATE}, and so is a state of other zones. */
export function parseState(text: string | undefined): TableState {
  if (text === undefined) return EMPTY_STATE;
  const state = JSON.parse(text.slice(text.indexOf("{"))) as TableState;
  return text.startsWith(markOfZones()) ? state : { ...EMPTY_STATE, lastGeneration: state.lastGeneration };
}

/** The state as it stands in shared memory. A change is made under the lock, and only from the text that was read before. */
export function readStateText(): string | undefined {
  return ngx.shared.lg_meta.get(STATE_KEY);
}

/** @throws SharedMemoryError when the meta zone is full; the old state stays */
export function writeState(state: TableState): void {
  ngx.shared.lg_meta.set(STATE_KEY, formatState(state));
}

/** The zone with that number. */
export function zoneOf(zone: number): NginxDict<string> {
  return zone === 0 ? ngx.shared.lg_table0 : ngx.shared.lg_table1;
}

/** The table as core's decision asks it. A worker makes one and reuses it. */
export class SharedTable implements Table {
  /** The host of the request: core names an account by its length. */
  host = "";
  private readonly meta = ngx.shared.lg_meta;
  private readonly zones = [ngx.shared.lg_table0, ngx.shared.lg_table1];
  private mark = markOfZones();
  /** The state's text that was read last, and what it says: it changes with each poll, and most requests come in between. */
  private text: string | undefined;
  private zone: NginxDict<string> | undefined;
  private expires = 0;

  /** Reads the age; the entry is read after it (feed rule 18). */
  readState(): number {
    const text = this.meta.get(STATE_KEY);
    if (text !== this.text) this.readText(text);
    if (this.zone === undefined) return TABLE_NONE;
    return Date.now() <= this.expires ? TABLE_CURRENT : TABLE_EXPIRED;
  }

  private readText(text: string | undefined): void {
    this.text = undefined; // should this throw, the next request must not take it for read
    this.zone = undefined;
    if (text === undefined) return;
    if (!text.startsWith(this.mark)) {
      this.mark = markOfZones(); // a zone gets another one only when a worker is killed while it empties that zone
      if (!text.startsWith(this.mark)) return;
    }
    const from = this.mark.length;
    this.zone = this.zones[text.charCodeAt(from) - 48];
    this.expires = Number.parseInt(text.slice(from + 1), 10);
    this.text = text;
  }

  findEntry(accountLength: number): string | null {
    return this.zone?.get(this.host.slice(0, accountLength)) ?? null;
  }
}
