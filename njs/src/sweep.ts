import { readStartOver, START_OVER_KEEP } from "@linkgate/core";
import type { Moment } from "./clock.ts";
import type { FeedAnswer } from "./feed-client.ts";
import { renewIncarnation } from "./incarnation.ts";
import { applyPage, type Page, readPage } from "./page.ts";
import {
  clearZone,
  EMPTY_STATE,
  type Load,
  parseState,
  readStateText,
  type TableState,
  writeState,
  zoneOf,
} from "./table.ts";

// What an answer of the feed does to the table. All of this runs under the lock, in one synchronous call, on the state that
// the poll was sent from; the caller has compared.

/** A poll as it was sent, with the state that it was sent from. */
export type SentPoll = {
  readonly stateText: string | undefined;
  readonly state: TableState;
  readonly incarnation: string;
  readonly sent: Moment;
  /** Seconds; the limit that the registry heard of with this poll (feed rule 16). */
  readonly maxTableAge: number;
};

/** Prepares a poll: reads the state, and the clocks before it is sent (feed rule 15). */
export function preparePoll(incarnation: string, sent: Moment, maxTableAge: number): SentPoll {
  const stateText = readStateText();
  return { stateText, state: parseState(stateText), incarnation, sent, maxTableAge };
}

/**
 * Applies an answer to the table.
 * @throws Error that says why the answer was dropped; then nothing was acknowledged and the age goes on
 */
export function applyAnswer(poll: SentPoll, answer: FeedAnswer): void {
  if (answer.status === 200) applySweepPage(poll, readPage(answer.body));
  else if (answer.status === 410) startOver(poll, answer.body);
  else throw new Error(`the feed answered ${answer.status}`);
}

function applySweepPage(poll: SentPoll, page: Page): void {
  const { state } = poll;
  const load = state.cursor === "" ? beginLoad(state) : state.load;
  const sweep = state.sweep ?? poll.sent;
  const zone = load?.zone ?? state.zone;
  if (zone === null) throw new Error("there is a cursor but neither a table nor a load");

  const failures = applyPage(page, zoneOf(zone));
  if (failures > 0) {
    if (load !== null) writeState({ ...forgetProgress(state), lastGeneration: load.generation });
    throw new Error(`the table is full: ${failures} accounts could not be written; raise LINKGATE_TABLE_SIZE`);
  }
  // Records are written; cursor, age and generation in force follow in one write (feed rule 18).
  const followed = { ...state, cursor: page.cursor, lastGeneration: load?.generation ?? state.lastGeneration };
  writeState(page.isDone ? endSweep(followed, load, sweep, poll.maxTableAge) : { ...followed, load, sweep });
}

/** A full load fills the zone that is not in force, emptied before (feed rules 20 and 21). */
function beginLoad(state: TableState): Load {
  const load = { zone: state.zone === 0 ? 1 : 0, generation: state.lastGeneration + 1 };
  clearZone(load.zone);
  return load;
}

function endSweep(state: TableState, load: Load | null, sweep: Moment, maxTableAge: number): TableState {
  const life = maxTableAge * 1000;
  return {
    ...state,
    zone: load?.zone ?? state.zone,
    generation: load?.generation ?? state.generation,
    sent: sweep,
    expires: { wall: sweep.wall + life, uptime: sweep.uptime + life },
    sweep: null,
    load: null,
  };
}

/**
 * "Start over" (410): the table goes on to serve, but is not refreshed; or it is dropped at once (feed rule 25).
 * Throws in either case, so that a feed that says nothing else is not asked without a pause.
 */
function startOver(poll: SentPoll, body: string): never {
  if (readStartOver(body) === START_OVER_KEEP) {
    writeState(forgetProgress(poll.state));
    throw new Error("the feed does not know the cursor; a new table is loaded while the old one serves");
  }
  writeState({ ...EMPTY_STATE, lastGeneration: poll.state.lastGeneration });
  renewIncarnation();
  throw new Error("the registry has retired this incarnation; the table is dropped");
}

function forgetProgress(state: TableState): TableState {
  return { ...state, cursor: "", sweep: null, load: null };
}
