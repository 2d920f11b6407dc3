/**
 * Does something whenever it is asked to, but never twice at the same time: while it is being done, all that asks has it
 * done once more, afterwards. What comes every second then never breaks off what takes longer.
 */
export function doOneAtATime(act: () => Promise<unknown>): () => void {
  let isDoing = false;
  let isWanted = false;
  const run = async (): Promise<void> => {
    isDoing = true;
    do {
      isWanted = false;
      await act().catch(() => undefined);
    } while (isWanted);
    isDoing = false;
  };
  return () => {
    isWanted = true;
    if (!isDoing) void run();
  };
}
