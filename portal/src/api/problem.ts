/** An answer of the admin API that is not the one asked for, or none. */
export class Problem extends Error {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Stable, of the API's own list. */
  readonly code: string;
  /** What an operator finds in the log; empty when there was no answer. */
  readonly correlationId: string;

  constructor(status: number, code: string, message: string, correlationId: string) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.correlationId = correlationId;
  }
}

/** Whether it is worth while to ask again: there was no answer, or the service was in trouble itself. */
export function mayPass(error: unknown): boolean {
  return error instanceof Problem && (error.status === 0 || error.status >= 500);
}

/** The problem behind whatever was thrown. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "Unforeseen", error instanceof Error ? error.message : String(error), "");
}
