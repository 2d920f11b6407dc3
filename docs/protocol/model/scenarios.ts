import type { Scenario } from "./world.ts";

const base = {
  incarnations: 1,
  limit: 2,
  hasClock: false,
  ages: [1, 1],
  margin: 1,
  isWritingInSteps: false,
  isReadInSteps: false,
  isWrittenInSteps: false,
  gates: ["loaded"],
  faults: [],
  left: { drifts: 0, restores: 0, starts: 0, changes: 0 },
} as const;
const revoke = { deed: "revoke", account: 0 } as const;
const revokeOther = { deed: "revoke", account: 1 } as const;
const touch = { deed: "touch", account: 0 } as const;
const touchOther = { deed: "touch", account: 1 } as const;
const remove = { deed: "remove", account: 0 } as const;
const recreate = { deed: "recreate", account: 0 } as const;
const reuse = { deed: "reuse", account: 1 } as const;

/** Small worlds, each with the faults that belong together. Explored to the end. */
export const scenarios: readonly Scenario[] = [
  {
    ...base,
    name: "pages",
    about: "transactions commit in any order while a gate reads pages of one line",
    writings: [revoke, touch, touchOther],
    isWritingInSteps: true,
    limit: 1,
  },
  {
    ...base,
    name: "commits",
    about: "the same; transactions are rolled back, and something may happen between a snapshot and what is read by it",
    writings: [revoke, touch, touchOther],
    limit: 1,
    isReadInSteps: true,
    isWritingInSteps: true,
    faults: ["abort"],
  },
  {
    ...base,
    name: "recreate",
    about: "an account is removed and made anew",
    writings: [remove, recreate, touch],
    faults: ["timeout"],
  },
  {
    ...base,
    name: "crash",
    about: "the database and the api are killed; transaction ids are handed out again",
    writings: [touchOther, revoke],
    gates: ["empty"],
    isWritingInSteps: true,
    faults: ["abort", "database crash", "api crash", "timeout"],
  },
  {
    ...base,
    name: "join",
    about: "a second gate joins while a link is revoked and given to another account",
    writings: [revoke, reuse],
    isWritingInSteps: true,
    gates: ["loaded", "empty"],
    incarnations: 2,
  },
  {
    ...base,
    name: "late",
    about: "the same, and answers and polls of both gates are late; the api and the database are killed",
    writings: [revoke, reuse],
    gates: ["loaded", "empty"],
    incarnations: 2,
    faults: ["timeout", "api crash", "database crash"],
  },
  {
    ...base,
    name: "twins",
    about: "processes of one name end and start, in order or not",
    writings: [revoke],
    gates: ["loaded", "down"],
    incarnations: 4,
    faults: ["process"],
    left: { ...base.left, starts: 2 },
  },
  {
    ...base,
    name: "silence",
    about: "a gate is cut off for longer than its table lives, its clock is slow, requests are slow, and it comes back",
    writings: [revoke],
    incarnations: 3,
    hasClock: true,
    faults: ["timeout", "error", "slow request", "forget"],
    left: { ...base.left, drifts: 1 },
  },
  {
    ...base,
    name: "return",
    about: "a gate's machine dies, or it is given up and comes back, and another link is revoked",
    writings: [revoke, revokeOther],
    incarnations: 3,
    hasClock: true,
    faults: ["machine", "timeout"],
  },
  {
    ...base,
    name: "followers",
    about: "followers of one gate are stopped anywhere and wake up; records are written one by one; memory is full",
    writings: [touch, remove],
    gates: ["empty"],
    isWrittenInSteps: true,
    faults: ["follower", "full memory", "forget", "timeout"],
  },
  {
    ...base,
    name: "reload",
    about:
      "the registry forgets cursors; a gate reloads in pages of one line; answers are late, and much else goes wrong",
    writings: [revoke],
    limit: 1,
    faults: ["forget", "timeout", "double", "api crash", "database crash", "full memory"],
  },
  {
    ...base,
    name: "ages",
    about: "the age limit of a gate is changed and changed back; polls are late; the gate falls silent",
    writings: [revoke],
    incarnations: 3,
    hasClock: true,
    ages: [0, 1],
    margin: 0,
    faults: ["reconfigure", "timeout"],
    left: { ...base.left, changes: 1 },
  },
  {
    ...base,
    name: "restore",
    about: "the database is restored to a time before the gate joined and a link was revoked",
    writings: [revoke],
    gates: ["empty"],
    incarnations: 2,
    hasClock: true,
    faults: ["timeout"],
    left: { ...base.left, restores: 1 },
  },
];
