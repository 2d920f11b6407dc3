import { connect } from "node:net";
import type { GateUnderTest } from "../gates/index.ts";
import type { Plan } from "./generate.ts";
import type { Verdict } from "./reference.ts";

/** What a client saw of its connection. */
export interface Outcome {
  /** The status of each answer in order, interim ones left out. */
  readonly statuses: readonly number[];
  /** Whether the gate ended the connection. */
  readonly isClosed: boolean;
}

/** Nobody waits longer for an answer that is due. */
const ANSWER_DEADLINE_MS = 15_000;
/** How long a gate gets to do more than answer a message that must be refused. */
const QUIET_MS = 100;

/**
 * Makes one connection and sends everything, piece by piece, whatever is answered meanwhile. It ends when the gate ends it,
 * or when everything that the reference reads has been answered.
 */
export function drive(gate: GateUnderTest, plan: Plan, verdicts: readonly Verdict[]): Promise<Outcome> {
  const { port } = gate.endpoints[plan.listener];
  const { localAddress } = plan.way;
  const due = verdicts.filter(verdict => verdict.request?.body != null).length;
  const isOpen = due < verdicts.length || due === 0; // something comes that has no end, or must be refused
  return new Promise((resolve, reject) => {
    // A listener on [::] takes either family; the one on 127.0.0.1 takes every 127/8 peer.
    const host = localAddress.startsWith("127.") ? "127.0.0.1" : localAddress;
    const socket = connect({ host, port, localAddress, noDelay: true });
    let received = "";
    let isClosed = false;
    let timer = setTimeout(() => socket.destroy(), ANSWER_DEADLINE_MS);
    const statuses = () => [...received.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(match => Number(match[1]));
    const consider = () => {
      if (statuses().length < due) return;
      if (!isOpen) socket.destroy();
      else {
        clearTimeout(timer);
        timer = setTimeout(() => socket.destroy(), QUIET_MS);
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
      else reject(new Error(`attack ${plan.index} could not connect: ${error.message}`));
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve({ statuses: statuses(), isClosed });
    });
    socket.once("connect", () => {
      void send();
    });
    const send = async () => {
      let from = 0;
      for (const to of [...plan.cuts, plan.bytes.length]) {
        if (to === from || socket.destroyed) continue;
        await new Promise<void>(done => socket.write(plan.bytes.subarray(from, to), () => setImmediate(done)));
        from = to;
      }
      if (due === 0) consider();
    };
  });
}
