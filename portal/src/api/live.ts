import { type GetToken, send } from "./client.ts";
import { Problem } from "./problem.ts";

/** What the stream of changes says. */
export interface LiveListener {
  /** The stream is there: whatever is shown may be old. */
  onReady(): void;
  /** Something changed for these accounts. */
  onChanged(accounts: readonly string[]): void;
  /** The gates have told of requests. */
  onCounted(): void;
  /** The stream is not there, until the next {@link onReady}. */
  onLost(): void;
}

/** Milliseconds between two attempts: the first pause, and the longest. */
const RETRY = { first: 500, longest: 15_000 };
/**
 * Milliseconds without a byte, from the first attempt to connect on, after which a stream is given up: the API says something
 * every 15 s, and a connection can be lost without a word to either end.
 */
const SILENCE = 40_000;

/**
 * Follows the changes of the caller's accounts (server-sent events, read by fetch because an EventSource can't carry the
 * token), and tries again for ever, until the signal.
 */
export async function followChanges(getToken: GetToken, listener: LiveListener, signal: AbortSignal): Promise<void> {
  let pause = RETRY.first;
  while (!signal.aborted) {
    const silence = watchSilence();
    try {
      const response = await send(getToken, "/changes", { signal: AbortSignal.any([signal, silence.signal]) });
      for await (const event of readEvents(response, silence.isOver)) {
        pause = RETRY.first;
        if (event.name === "ready") listener.onReady();
        else if (event.name === "changed")
          listener.onChanged((JSON.parse(event.data) as { accounts: string[] }).accounts);
        else if (event.name === "counted") listener.onCounted();
      }
    } catch (error) {
      if (signal.aborted) return;
      // Whoever may not follow asks again as seldom as possible: their rights may change.
      if (error instanceof Problem && error.status >= 400 && error.status < 500) pause = RETRY.longest;
    } finally {
      silence.stop();
    }
    if (signal.aborted) return;
    listener.onLost();
    await wait(pause, signal);
    pause = Math.min(pause * 2, RETRY.longest);
  }
}

/** A signal that is given when it has been silent for too long. */
function watchSilence() {
  const controller = new AbortController();
  const begin = () => setTimeout(() => controller.abort(), SILENCE);
  let timer = begin();
  return {
    signal: controller.signal,
    isOver: () => {
      clearTimeout(timer);
      timer = begin();
    },
    stop: () => clearTimeout(timer),
  };
}

/**
 * The events of a stream (HTML standard, section 9.2.6), without ids and retry times, which this stream has not.
 * @param onBytes called whenever anything has come, an event or not
 */
export async function* readEvents(
  response: Response,
  onBytes: () => void = () => undefined,
): AsyncGenerator<{ name: string; data: string }> {
  if (response.body === null) return;
  let name = "message";
  let data: string[] = [];
  for await (const line of readLines(response.body, onBytes)) {
    if (line === "") {
      if (data.length > 0) yield { name, data: data.join("\n") };
      name = "message";
      data = [];
    } else {
      const [, field = "", value = ""] = /^([^:]*)(?::\s?(.*))?$/.exec(line) ?? [];
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
    }
  }
}

async function* readLines(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
