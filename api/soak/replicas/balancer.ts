import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A balancer of TCP connections in front of processes that come and go: each goes to the next one that takes it. */
export class Balancer {
  readonly #server: Server;
  readonly #targets = new Map<number, number>();
  readonly #waiting = new Set<Socket>();
  #turn = 0;

  static async start(): Promise<Balancer> {
    const balancer = new Balancer();
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    return balancer;
  }

  private constructor() {
    this.#server = createServer(client => this.#forward(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @param port undefined: the one in this slot has gone */
  setTarget(slot: number, port: number | undefined): void {
    if (port === undefined) this.#targets.delete(slot);
    else this.#targets.set(slot, port);
    if (port === undefined) return;
    for (const client of this.#waiting) this.#forward(client);
  }

  async stop(): Promise<void> {
    for (const client of this.#waiting) client.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Without anybody to take it a connection is kept until there is. */
  #forward(client: Socket): void {
    this.#waiting.delete(client);
    client.on("error", () => {});
    if (client.destroyed) return;
    const ports = [...this.#targets.values()];
    const port = ports[this.#turn++ % ports.length];
    if (port === undefined) {
      this.#waiting.add(client);
      client.once("close", () => this.#waiting.delete(client));
      return;
    }
    const target = connect({ port, host: "127.0.0.1", noDelay: true });
    target.on("error", () => client.destroy());
    target.once("close", () => client.destroy());
    client.once("close", () => target.destroy());
    client.setNoDelay(true).pipe(target).pipe(client);
  }
}
