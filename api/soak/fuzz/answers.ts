import type { FuzzRequest } from "./pieces.ts";

/** Fails with the request and its answer. */
export type Objector = (problem: string) => never;

export function objector({ method, path, body }: FuzzRequest, status: number, text: string): Objector {
  return problem => {
    const sent = `${method} ${path}\n${body?.toString("latin1").slice(0, 500)}`;
    throw new Error(`${problem}\n${sent}\n${status} ${text.slice(0, 500)}`);
  };
}

/** What holds for every answer: it is no 5xx, and tells nothing of the inside. */
export function checkAnswer(made: FuzzRequest, status: number, text: string, object: Objector): void {
  if (status >= 500) object("the server failed");
  if (/node_modules|\.ts:\d|\.js:\d|\bat \w+ \(|select |insert into|kysely|fastify/i.test(withoutEcho(text, made))) {
    object("the answer tells of the inside");
  }
}

/** What the caller wrote itself may come back to it. */
export function withoutEcho(text: string, { body, path }: FuzzRequest): string {
  const sent = `${path}${body?.toString()}`;
  return text
    .split(/["'\\]/)
    .filter(part => !sent.includes(part))
    .join(" ");
}

/** @throws Error for an error in a log, one JSON text a line */
export function checkLog(logged: readonly string[]): void {
  const failed = logged.filter(line => JSON.parse(line).level >= 50);
  if (failed.length > 0) throw new Error(`it logged an error: ${failed[0]}`);
}
