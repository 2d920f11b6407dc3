/** Something that goes on until it is stopped. */
export interface Background {
  /** Resolves when it has ended. Twice is once. */
  stop(): Promise<void>;
}

/** Starts it. @param run goes on until its signal aborts, and never rejects */
export function startInBackground(run: (signal: AbortSignal) => Promise<void>): Background {
  const stopping = new AbortController();
  const running = run(stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
