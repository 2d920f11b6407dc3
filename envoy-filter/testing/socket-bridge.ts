import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

const TYPE_A = 1;

/**
 * What a cluster's DNS and network do for Envoy, where each account's service is a unix socket: a name server that gives every
 * account an address of 127.0.0.0/8, and a listener on all of them that joins a connection to the account's socket.
 */
export class SocketBridge {
  /** For `LINKGATE_RESOLVER`. */
  resolver = "";
  /** For `LINKGATE_UPSTREAM`. */
  upstream = "";
  readonly #folder: string;
  readonly #names: DatagramSocket = createSocket("udp4");
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #accounts: string[] = [];

  /** @param folder where the sockets `<account>.sock` are */
  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer(socket => this.#join(socket));
  }

  static async start(folder: string): Promise<SocketBridge> {
    const bridge = new SocketBridge(folder);
    await new Promise<void>(resolve => bridge.#server.listen(0, "0.0.0.0", resolve));
    await new Promise<void>(resolve => bridge.#names.bind(0, "127.0.0.1", resolve));
    bridge.#names.on("message", (query, sender) => {
      const answer = bridge.#answer(query);
      if (answer !== null) bridge.#names.send(answer, sender.port, sender.address);
    });
    bridge.resolver = `127.0.0.1:${bridge.#names.address().port}`;
    const address = bridge.#server.address();
    bridge.upstream = `http://$linkgate_account.fhir.internal:${typeof address === "object" ? address?.port : 0}`;
    return bridge;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
    await new Promise<void>(resolve => this.#names.close(resolve));
  }

  /** 127.1.0.0 and on, in the order in which they are asked for. */
  #addressOf(account: string): number[] {
    let at = this.#accounts.indexOf(account);
    if (at < 0) at = this.#accounts.push(account) - 1;
    return [127, 1 + (at >> 16), (at >> 8) & 0xff, at & 0xff];
  }

  /** The answer to a DNS query (RFC 1035 4); null for what is none. Only A records of `<account>.fhir.internal` exist. */
  #answer(query: Buffer): Buffer | null {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0 && at < query.length; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length).toLowerCase());
      at += 1 + length;
    }
    if (at + 5 > query.length) return null;
    const isKnown = labels.length === 3 && labels[1] === "fhir" && labels[2] === "internal";
    const hasAnswer = isKnown && query.readUInt16BE(at + 1) === TYPE_A;
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(isKnown ? 0x8580 : 0x8583, 2); // an answer with authority; NXDOMAIN for any other name
    head.writeUInt16BE(hasAnswer ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const question = query.subarray(12, at + 5);
    if (!hasAnswer) return Buffer.concat([head, question]);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...this.#addressOf(labels[0] ?? "")]);
    return Buffer.concat([head, question, record]);
  }

  #join(socket: Socket): void {
    const [, high = 0, middle = 0, low = 0] = (socket.localAddress ?? "").split(".").map(Number);
    const account = this.#accounts[((high - 1) << 16) | (middle << 8) | low];
    if (account === undefined) {
      socket.destroy();
      return;
    }
    const service = connect(join(this.#folder, `${account}.sock`));
    for (const [one, other] of [
      [socket, service],
      [service, socket],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
