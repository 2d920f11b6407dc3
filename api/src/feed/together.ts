/**
 * Makes a function that answers callers together: who calls while nobody is being answered, or while others are, is answered with
 * all who wait by then. A hundred gates that one change wakes cost the registry a few statements, not a few hundred.
 *
 * Items of one key are never answered together, so that each answer sees what the one before has done; those without a key always may be.
 *
 * @param answer gets items of different keys, and gives as many results, in their order. Where it throws for several, each is
 *   tried alone: nobody fails for what somebody else has sent. Unless `isForAll` says that the error would come again.
 */
export function together<Item, Result>(
  answer: (items: readonly Item[]) => Promise<readonly Result[]>,
  keyOf: (item: Item) => string | undefined,
  isForAll: (error: unknown) => boolean,
): (item: Item) => Promise<Result> {
  interface Waiting {
    readonly item: Item;
    readonly settle: PromiseWithResolvers<Result>;
  }
  let waiting: Waiting[] = [];
  let isRunning = false;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      // Whoever calls within this turn of the event loop belongs together.
      await new Promise(resolve => setImmediate(resolve));
      const keys = new Set<string>();
      const round: Waiting[] = [];
      const later: Waiting[] = [];
      for (const each of waiting) {
        const key = keyOf(each.item);
        (key !== undefined && keys.has(key) ? later : round).push(each);
        if (key !== undefined) keys.add(key);
      }
      waiting = later;
      await settleAll(round);
    }
    isRunning = false;
  }

  async function settleAll(round: readonly Waiting[]): Promise<void> {
    try {
      const results = await answer(round.map(({ item }) => item));
      for (const [index, { settle }] of round.entries()) settle.resolve(results[index] as Result);
    } catch (error) {
      if (round.length === 1 || isForAll(error)) for (const { settle } of round) settle.reject(error);
      else for (const each of round) await settleAll([each]);
    }
  }

  return item => {
    const settle = Promise.withResolvers<Result>();
    waiting.push({ item, settle });
    if (!isRunning) {
      isRunning = true;
      void run();
    }
    return settle.promise;
  };
}
