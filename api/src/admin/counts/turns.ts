/**
 * Makes a function that runs tasks, so many at one time; the others wait for their turn. What sums up many rows must not take all
 * of the database's connections, which gates need for their polls.
 */
export function takeTurns(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async task => {
    if (running === limit) await new Promise<void>(resolve => waiting.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next(); // takes over the turn
    }
  };
}
