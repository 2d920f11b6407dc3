/** A wait that can be broken off: a timer that runs holds back a worker that wants to end. */
export class Timer {
  /** Settles when the time is over; never after {@link stop}. */
  readonly over: Promise<null>;
  private id: ReturnType<typeof setTimeout> | null = null;

  /** @param milliseconds at least 1 is waited for */
  constructor(milliseconds: number) {
    this.over = new Promise(resolve => {
      const end = () => {
        this.id = null;
        resolve(null);
      };
      this.id = setTimeout(end, Math.max(1, milliseconds));
    });
  }

  /** Ends the wait, if it is not over. */
  stop(): void {
    // njs 1.0.2 removes a timer after what it led to has run: to clear it there removes it twice, and the worker dies of it.
    if (this.id !== null) clearTimeout(this.id);
    this.id = null;
  }
}
