import { connect, type Socket } from "node:net";

/** One request sent over and over on kept-alive connections. */
export interface Load {
  port: number;
  /** Sent once when a connection opens: a PROXY header, or nothing. */
  preface: Buffer;
  /** A whole HTTP/1.1 request; its answer must be 200 and of the same length every time. */
  request: Buffer;
  connections: number;
  /** How long to send, in milliseconds. */
  duration: number;
}

/**
 * Sends one request after the other on each connection for the given time and counts whole answers. Rejects when an answer
 * is not 200 or differs in length from the first: a benchmark of denials would be a fast lie.
 * @returns number of answers, and seconds from first to last
 */
export async function runLoad(load: Load): Promise<{ answers: number; seconds: number }> {
  const started = performance.now();
  const end = started + load.duration;
  const counts = await Promise.all(Array.from({ length: load.connections }, () => runConnection(load, end)));
  return { answers: counts.reduce((sum, count) => sum + count, 0), seconds: (performance.now() - started) / 1000 };
}

function runConnection(load: Load, end: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: load.port, host: "::1", noDelay: true });
    let answers = 0;
    let size = 0;
    let received = 0;
    const fail = (text: string): void => {
      socket.destroy();
      reject(new Error(text));
    };
    socket.on("connect", () => socket.write(Buffer.concat([load.preface, load.request])));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`the gate closed a connection after ${answers} answers`)));
    socket.on("data", chunk => {
      received += chunk.length;
      if (size === 0) {
        size = answerSize(chunk);
        if (size === 0) return fail(`unexpected answer: ${chunk.toString("latin1").slice(0, 200)}`);
      }
      if (received < size) return;
      if (received > size || !startsAsAnswer(chunk, received))
        return fail(`answers differ: ${chunk.toString("latin1").slice(0, 200)}`);
      received = 0;
      answers++;
      if (performance.now() < end) socket.write(load.request);
      else finish(socket, () => resolve(answers));
    });
  });
}

/** Length of a 200 answer with a Content-Length that came in one piece; 0 for anything else. */
function answerSize(chunk: Buffer): number {
  const text = chunk.toString("latin1");
  const head = text.indexOf("\r\n\r\n");
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1];
  return text.startsWith("HTTP/1.1 200 ") && head > 0 && length !== undefined ? head + 4 + Number(length) : 0;
}

function startsAsAnswer(chunk: Buffer, received: number): boolean {
  return chunk.length < received || chunk.toString("latin1", 0, 13) === "HTTP/1.1 200 ";
}

function finish(socket: Socket, done: () => void): void {
  socket.removeAllListeners("close");
  socket.on("close", done);
  socket.destroy();
}
