import { randomUUID } from "node:crypto";

/** Why an operation failed, in ARM's shape. */
export interface OperationError {
  code: string;
  message: string;
}

/** Thrown inside an operation to end it as Failed. */
export class OperationFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Operation {
  id: string;
  location: string;
  status: "InProgress" | "Succeeded" | "Failed";
  error?: OperationError;
}

/** NRP's running and finished operations, in memory. */
export class Operations {
  readonly #operations = new Map<string, Operation>();
  readonly #running = new Set<Promise<void>>();

  find(id: string): Operation | undefined {
    return this.#operations.get(id.toLowerCase());
  }

  /** Starts work that ends whether or not anybody polls it. */
  start(location: string, work: () => Promise<void>): Operation {
    const operation: Operation = { id: randomUUID(), location, status: "InProgress" };
    this.#operations.set(operation.id, operation);
    const run = finish(operation, work);
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
    return operation;
  }

  /** Resolves when nothing runs any more. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}

async function finish(operation: Operation, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    operation.status = "Succeeded";
  } catch (error) {
    const known = error instanceof OperationFailure;
    if (!known) console.error("sandbox: NRP failed:", error);
    operation.error = known
      ? { code: error.code, message: error.message }
      : { code: "InternalServerError", message: "An error occurred." };
    operation.status = "Failed";
  }
}
