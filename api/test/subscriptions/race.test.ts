import { beforeAll, expect, test } from "vitest";
import { enterCurrentEpoch } from "../../src/database/epoch.ts";
import type { SubscriptionState } from "../../src/database/schema.ts";
import { findUnsettledAccount } from "../../src/subscriptions/repository.ts";
import { announceState, followSubscription } from "../../src/subscriptions/service.ts";
import { feedRow } from "../feed/kit.ts";
import { createAccount } from "../reconcile/kit.ts";
import { SUBSCRIPTION } from "../support/documents.ts";
import { beginAndMeetLock, useInterruptedDatabase } from "../support/interrupt.ts";
import { useTestDatabase } from "../support/postgres.ts";

const database = useTestDatabase();
const follower = useInterruptedDatabase(database);

beforeAll(async () => {
  await enterCurrentEpoch(database.open.db);
});

const announce = (state: SubscriptionState): Promise<boolean> =>
  database.open.db.transaction().execute(tx => announceState(tx, SUBSCRIPTION, state, "a correlation id"));

test.each([
  ["Registered", "Suspended"],
  ["Suspended", "Registered"],
] as const)("an account that follows %s to %s while ARM takes that back is brought back too", async (from, to) => {
  const key = `${from}-to-${to}`.toLowerCase();
  await announce("Registered");
  await createAccount(database.open, key);
  await announce(from);
  for (let left = key as string | undefined; left !== undefined; left = await findUnsettledAccount(database.open.db)) {
    await followSubscription(database.open, left);
  }
  expect(await announce(from)).toBe(true);

  await announce(to);
  let second: Promise<boolean> | undefined;
  follower.after('select * from "subscriptions"', async () => {
    second = (await beginAndMeetLock(database.open, () => announce(from))).result;
  });
  await followSubscription(follower, key);
  expect(second, "it was announced between two statements").toBeDefined();
  const settled = await second;
  const left = await findUnsettledAccount(database.open.db);
  expect({ settled, left }, "what ARM is told, and what is left for a worker").toEqual({ settled: false, left: key });
  await followSubscription(database.open, key);
  expect((await feedRow(database.open.db, key)).present).toBe(from === "Registered");
});
