import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What a line does to the connections on it. */
export type LineMode =
  /** Carries everything, what it held back before first. */
  | { readonly kind: "open" }
  /** Ends every connection, and each new one at once. */
  | { readonly kind: "cut" }
  /** Accepts, and carries nothing. */
  | { readonly kind: "hang" }
  /** Carries each piece, either way, only after so many milliseconds. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Carries so many bytes of each connection's answers, then ends it. */
  | { readonly kind: "break-off"; readonly bytes: number }
  /** Answers instead of the api. Called once for each connection, when a request's head has come. */
  | { readonly kind: "answer"; readonly answer: (socket: Socket) => void };

/** The way between a gate and the api: TCP, with faults to order. */
export class Line {
  readonly #server: Server;
  readonly #target: () => number;
  readonly #sockets = new Set<Socket>();
  #mode: LineMode = { kind: "open" };
  #change = Promise.withResolvers<void>();
  /** Connections that were answered instead of the api; for tests to know that a fault was met. */
  answered = 0;

  private constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer(socket => void this.#accept(socket));
  }

  /** @param target the api's port on 127.0.0.1, asked for each connection: it changes when the api is started again */
  static async start(target: () => number): Promise<Line> {
    const line = new Line(target);
    line.#server.listen(0, "127.0.0.1");
    await once(line.#server, "listening");
    return line;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Takes effect at once. Connections that the mode has no use for are ended. */
  set(mode: LineMode): void {
    this.#mode = mode;
    if (mode.kind === "cut" || mode.kind === "answer" || mode.kind === "break-off") this.#endAll();
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  async stop(): Promise<void> {
    this.set({ kind: "cut" });
    await new Promise(resolve => this.#server.close(resolve));
  }

  async #accept(near: Socket): Promise<void> {
    this.#keep(near);
    if (this.#mode.kind === "cut") {
      near.destroy();
      return;
    }
    if (this.#mode.kind === "answer") {
      const { answer } = this.#mode;
      near.once("data", () => {
        this.answered++;
        answer(near);
      });
      return;
    }
    const far = connect({ host: "127.0.0.1", port: this.#target() });
    this.#keep(far);
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
    this.#carry(near, far, false);
    this.#carry(far, near, true);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #carry(from: Socket, to: Socket, isAnswer: boolean): void {
    let carried = 0;
    const carry = async (chunk: Buffer): Promise<void> => {
      from.pause();
      while (this.#mode.kind === "hang" && !from.destroyed) await this.#change.promise;
      if (this.#mode.kind === "slow") await delay(this.#mode.ms);
      const limit = isAnswer && this.#mode.kind === "break-off" ? this.#mode.bytes - carried : chunk.length;
      carried += chunk.length;
      if (!to.destroyed) to.write(chunk.subarray(0, Math.max(0, limit)));
      if (limit < chunk.length) to.end();
      from.resume();
    };
    from.on("data", chunk => void carry(chunk as Buffer));
    from.once("end", () => to.end());
  }

  #endAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
