import { openPage, readPage, recordPoll } from "./api.ts";
import { endPage, endPoll, isToWrite, pageOf, preparePoll, takeAnswer, writeNextEntry } from "./gate.ts";
import { type Entry, type Gate, gateOf, type Poll, type State } from "./state.ts";
import { type AddMove, accountName, gateName, type World } from "./world.ts";

/** A move of one poll, by whoever has it at the moment. */
type AddStep = (sentence: string, act: (poll: Poll, gate: Gate, next: State) => void) => void;

/** What a gate, its polls and the api do as long as nothing hinders them. */
export function addMessages(world: World, state: State, g: number, add: AddMove): void {
  const gate = gateOf(state, g);
  const name = gateName(g);
  if (gate.isUp && gate.poll === null) {
    add(`${name} sends a poll with ${gate.cursor === null ? "no cursor" : "its cursor"}`, "system", next => {
      gateOf(next, g).poll = preparePoll(gateOf(next, g));
    });
  }
  for (const slot of ["poll", "other"] as const) {
    const poll = gate[slot];
    if (poll === null) continue;
    const isOwn = slot === "poll" || gate.isOtherFollower;
    const whose = slot === "poll" ? name : isOwn ? `${name}'s old follower` : `${name}, late,`;
    const step: AddStep = (sentence, act) =>
      add(sentence, "system", next => {
        const changed = gateOf(next, g);
        if (changed[slot] !== null) act(changed[slot], changed, next);
      });
    if (poll.at === "sent") addRecording(world, poll, whose, step);
    if (poll.at === "recorded") addReading(world, state, poll, whose, step);
    if (poll.at === "answered" && isOwn) {
      step(`${describeAnswer(poll)} reaches ${whose}`, (own, to, next) => takeAnswer(world, next, to, own));
    }
    if (poll.at === "answered" && !isOwn) addLateAnswer(world, gate, poll, whose, step);
    if (poll.at === "writing") addWriting(world, poll, whose, step);
  }
}

/** Rule 12: the poll is recorded before anything is read for it. */
function addRecording(world: World, poll: Poll, whose: string, step: AddStep): void {
  if (world.without === "12 order" && poll.answer === null) {
    step(`the api reads a page for ${whose}`, (own, _, { registry }) => {
      readPage(world, registry, own);
      own.at = "sent";
    });
  } else {
    step(`the api records the poll of ${whose}`, (own, _, { registry }) => recordPoll(world, registry, own));
  }
}

function addReading(world: World, { registry }: State, poll: Poll, whose: string, step: AddStep): void {
  if (world.without === "4 open" && registry.writings.some(writing => writing.state === "open")) return;
  if (world.isReadInSteps && poll.snapshot === null) {
    step(`the api takes a snapshot for ${whose}`, (own, _, next) => openPage(world, next.registry, own));
  } else {
    step(`the api reads a page for ${whose}`, (own, _, next) => readPage(world, next.registry, own));
  }
}

/** Rule 17: nobody waits for it any more. */
function addLateAnswer(world: World, gate: Gate, poll: Poll, whose: string, step: AddStep): void {
  step(`${describeAnswer(poll)} for ${whose} is dropped`, (own, to) => endPoll(to, own));
  if (world.without !== "17 current" || gate.poll === null) return;
  step(`${describeAnswer(poll)} for ${whose} is taken for the current one`, (own, to, next) => {
    if (to.poll === null) return;
    to.poll.answer = own.answer;
    to.other = null;
    takeAnswer(world, next, to, to.poll);
  });
}

function addWriting(world: World, poll: Poll, whose: string, step: AddStep): void {
  if (isToWrite(poll)) {
    step(`${whose} writes ${describeNext(poll)}`, (own, to) => writeNextEntry(world, to, own));
  } else {
    step(`${whose} ends the page`, (own, to) => endPage(world, to, own));
  }
}

function describeAnswer({ answer }: Poll): string {
  if (answer?.kind !== "page") return `the answer "${answer?.kind}"`;
  const entries = answer.entries.map(({ account, entry }) => describeEntry(account, entry));
  return `the page [${[...entries, answer.cursor.after === null ? "done" : "more"].join("; ")}]`;
}

/** The entry that is to be written next. */
export function describeNext(poll: Poll): string {
  const change = pageOf(poll).entries[poll.written];
  return change === undefined ? "nothing" : describeEntry(change.account, change.entry);
}

const describeEntry = (account: number, { version, there, link }: Entry): string =>
  `${there ? "+" : "-"}${accountName(account)} v${version}${link ? " with link" : ""}`;
