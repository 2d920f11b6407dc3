import { connect, createServer, type Socket } from "node:net";

/** The api's feed, for one gate, by way of a relay that notes what goes to the gate and when; `performance.now()` throughout. */
export interface RecordedFeed {
  readonly url: string;
  /** When the gate is next told of the account. Ask before the change is made. */
  nextNews(account: string): Promise<number>;
  /** Milliseconds from the gate's first poll to the one that acknowledges the whole table. @throws Error before that */
  readonly loadMs: number;
  /** Those of them in which the gate waited for answers. */
  readonly loadAnswersMs: number;
  stop(): void;
}

/** A line that tells of a change is in one piece with its answer, which is small. Those of a first load are of no interest. */
const CHANGE = /^[+-]([a-z0-9-]+)\t/gm;

/** @param url of the api's feed, without TLS */
export async function startRecordedFeed(url: string): Promise<RecordedFeed> {
  const load = { first: Number.NaN, asked: Number.NaN, answered: Number.NaN, answersMs: 0, ms: Number.NaN };
  const waiting = new Map<string, (at: number) => void>();
  let end = ""; // of what was answered last
  const isLoaded = () => !Number.isNaN(load.ms);

  const hearPoll = (at: number): void => {
    if (isLoaded()) return;
    if (Number.isNaN(load.first)) load.first = at;
    else load.answersMs += load.answered - load.asked;
    load.asked = at;
    if (end.endsWith("\tdone\n")) load.ms = at - load.first;
  };
  const hearAnswer = (bytes: Buffer, at: number): void => {
    if (!isLoaded()) {
      load.answered = at;
      end = (end + bytes.subarray(-6).toString("latin1")).slice(-6);
    } else if (waiting.size > 0) {
      for (const [, account = ""] of bytes.toString("latin1").matchAll(CHANGE)) {
        waiting.get(account)?.(at);
        waiting.delete(account);
      }
    }
  };

  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, gate => {
    const api = connect({ port: Number(new URL(url).port), host: "127.0.0.1", noDelay: true });
    let isPoll = false;
    gate.on("data", bytes => {
      isPoll = bytes.subarray(0, 25).equals(POLL);
      if (isPoll) hearPoll(performance.now());
      api.write(bytes);
    });
    api.on("data", bytes => {
      gate.write(bytes);
      if (isPoll) hearAnswer(bytes, performance.now());
    });
    for (const [one, other] of [
      [gate, api],
      [api, gate],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    nextNews: account => new Promise(resolve => waiting.set(account, resolve)),
    get loadMs() {
      if (!isLoaded()) throw new Error("the gate has not loaded its table");
      return load.ms;
    },
    get loadAnswersMs() {
      return load.answersMs;
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const POLL = Buffer.from("GET /gate/v1/changes?gate");
