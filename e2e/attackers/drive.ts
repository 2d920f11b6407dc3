import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { GateUnderTest } from "../gates/index.ts";
import type { GateReading } from "./gate-readings.ts";
import type { Plan } from "./generate.ts";
import { readProxyHeader } from "./proxy-reading.ts";
import type { Verdict } from "./reference.ts";

/** What a client saw. */
export interface Outcome {
  /** The status of each answer in order, interim ones left out. */
  readonly statuses: readonly number[];
  /** After how many answers the gate ended a connection although more were due. The client went on with what was left on another. */
  readonly ends: readonly number[];
  /** Whether the gate ended a connection without any answer, or what followed the last one was nothing that is due. */
  readonly isClosed: boolean;
}

/** What a client saw of one connection. */
type Answers = Pick<Outcome, "statuses" | "isClosed">;

/** Nobody waits longer for an answer that is due. */
const ANSWER_DEADLINE_MS = 240_000;
/** The client's own machine has no port left for an address just now: each is kept for a while after its connection. */
const NO_PORT = ["EADDRINUSE", "EADDRNOTAVAIL"];
const PORT_TRIES = { most: 600, everyMs: 100 };
/** How long a gate gets to do more than answer a message that must be refused. */
const QUIET_MS = 100;

/**
 * Sends everything, piece by piece, whatever is answered meanwhile, on one connection as long as the gate lets it. It ends when
 * everything that the reference reads has been answered, or when the gate ends a connection without an answer.
 */
export async function drive(
  gate: GateUnderTest,
  plan: Plan,
  verdicts: readonly Verdict[],
  reading: GateReading,
): Promise<Outcome> {
  const statuses: number[] = [];
  const ends: number[] = [];
  const preface = prefaceLength(plan, reading);
  const due = verdicts.filter(verdict => verdict.request?.body != null).length;
  for (let from = preface; ; ) {
    const isWhole = due === verdicts.length && due > 0;
    const answers = await whenPortIsFree(() =>
      connectOnce(gate, plan, [preface, from], due - statuses.length, isWhole),
    );
    statuses.push(...answers.statuses);
    const next = verdicts[statuses.length - 1]?.request?.end;
    if (!answers.isClosed || answers.statuses.length === 0 || statuses.length >= due || next === undefined) {
      return { statuses, ends, isClosed: answers.isClosed };
    }
    ends.push(statuses.length);
    from = preface + next;
  }
}

async function whenPortIsFree<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!NO_PORT.includes(code) || tries === PORT_TRIES.most) throw error;
      await delay(PORT_TRIES.everyMs);
    }
  }
}

function prefaceLength({ listener, bytes }: Plan, reading: GateReading): number {
  const read = listener === "proxy" ? readProxyHeader(bytes, reading) : null;
  return read?.kind === "read" ? read.length : 0;
}

/**
 * Sends the preface and what begins at `from`.
 * @param due how many answers must come
 * @param isWhole whether nothing comes behind what is due, neither without an end nor such that it must be refused
 */
function connectOnce(
  gate: GateUnderTest,
  plan: Plan,
  [preface, from]: readonly [number, number],
  due: number,
  isWhole: boolean,
): Promise<Answers> {
  const { port } = gate.endpoints[plan.listener];
  const { localAddress } = plan.way;
  return new Promise((resolve, reject) => {
    // A listener on [::] takes either family; the one on 127.0.0.1 takes every 127/8 peer.
    const host = localAddress.startsWith("127.") ? "127.0.0.1" : localAddress;
    // An address that the kernel takes by itself is not asked for: it then finds a port for this listener alone, and uses again
    // those that ended more than a second ago. Of a chosen address it keeps each for a minute, whoever was called.
    const socket = connect({ host, port, noDelay: true, ...(host === localAddress ? {} : { localAddress }) });
    let received = "";
    let isClosed = false;
    let timer = setTimeout(() => socket.destroy(), ANSWER_DEADLINE_MS);
    const heads = () => received.match(/HTTP\/1\.1 [2-5]\d\d [\s\S]*?(?:\r\n\r\n|$)/g) ?? [];
    const consider = () => {
      const answers = heads();
      if (/\r\nconnection: close\r\n[\s\S]*\r\n$/i.test(answers.at(-1) ?? "")) {
        // It says so, and may wait a second for the client to go first.
        isClosed = true;
        socket.destroy();
      } else if (answers.length >= due) {
        if (isWhole) socket.destroy();
        else {
          clearTimeout(timer);
          timer = setTimeout(() => socket.destroy(), QUIET_MS);
        }
      }
    };
    socket.on("data", chunk => {
      received += chunk.toString("latin1");
      consider();
    });
    socket.once("end", () => {
      isClosed = true;
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") isClosed = true;
      else
        reject(
          Object.assign(new Error(`attack ${plan.index} could not connect: ${error.message}`), { code: error.code }),
        );
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve({ statuses: heads().map(head => Number(head.slice(9, 12))), isClosed });
    });
    socket.once("connect", () => {
      void send();
    });
    const send = async () => {
      const bytes = Buffer.concat([plan.bytes.subarray(0, preface), plan.bytes.subarray(from)]);
      const skipped = from - preface;
      const cuts = plan.cuts.map(cut => (cut <= preface ? cut : Math.max(preface, cut - skipped)));
      let at = 0;
      for (const to of [...cuts, bytes.length]) {
        if (to === at || socket.destroyed) continue;
        await new Promise<void>(done => socket.write(bytes.subarray(at, to), () => setImmediate(done)));
        at = to;
      }
      if (due <= 0) consider();
    };
  });
}
