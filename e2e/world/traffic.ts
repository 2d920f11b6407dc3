import { setTimeout as delay } from "node:timers/promises";
import { linkAddress, RawConnection, writeProxyHeader, writeRequest } from "@linkgate/njs/testing";
import { type GateUnderTest, type RecordingUpstream, until, ZONE } from "../gates/index.ts";
import type { Admission, Ledger } from "./ledger.ts";

/** What somebody asks for: an account, through a link. */
export interface Wish {
  readonly account: string;
  readonly linkId: number;
}

/** A request from when it was sent until it was answered. */
interface Flight extends Wish {
  readonly opened: number;
  readonly sent: number;
  isAdmitted: boolean;
}

/** Answers that a gate may give: the service's, a denial, no table, an old connection (feed rule 28). */
const EXPECTED = [200, 403, 503, 421];
/** Milliseconds: more than a gate needs on the busiest machine, even one that is started again. */
const ANSWER_MS = 120_000;
/** Milliseconds after a connection that failed. */
const PAUSE = 20;
const KEPT_OBJECTIONS = 20;

/** Clients that ask gates through links, and the judge of what comes of it. */
export class Traffic {
  /** What went wrong, the first few. */
  readonly objections: string[] = [];
  /** Admissions and answers so far, and requests that were sent by whom a link had been taken from. */
  readonly counts = { admitted: 0, denied: 0, unavailable: 0, oldConnection: 0, broken: 0, sentAfterRevocation: 0 };
  readonly #ledger: Ledger;
  readonly #flights = new Map<string, Flight>();
  readonly #clients: Promise<void>[] = [];
  #isOver = false;
  #count = 0;

  constructor(ledger: Ledger, upstream: RecordingUpstream) {
    this.#ledger = ledger;
    upstream.onRequest = ({ account, target, headers }) => {
      const id = new URL(target, "http://service").searchParams.get("id") ?? "";
      const told = headers.find(([name]) => name === "x-private-link-id")?.[1];
      this.#judgeAdmission(account, id, told ?? "");
    };
  }

  /** Lets so many clients ask one request after the other, until {@link stop}. @param choose called before each request */
  start(
    gate: GateUnderTest,
    clients: number,
    choose: (client: number) => { linkId: number; accounts: string[] },
  ): void {
    for (let client = 0; client < clients; client++) this.#clients.push(this.#hammer(gate, () => choose(client)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** Waits until so many more of those came. */
  async untilMore(what: keyof Traffic["counts"], more: number): Promise<void> {
    const from = this.counts[what];
    await until(
      () => this.counts[what] >= from + more,
      () => `${what}: only ${this.counts[what] - from} of ${more}`,
      ANSWER_MS,
    );
  }

  /**
   * Asks as clients do: on a connection of its own, and again on another when that one ends without an answer, or was too old for
   * the gate when the request came (421).
   * @returns the status @throws Error when there is no other for so long
   */
  async ask(gate: GateUnderTest, wish: Wish, deadlineMs = ANSWER_MS): Promise<number> {
    let status = 0;
    return until(
      async () => {
        status = await this.#askOnce(gate, wish);
        return status !== 0 && status !== 421 && status;
      },
      () => `${wish.account} through ${wish.linkId}: ${status}\n${gate.explain()}`,
      deadlineMs,
    );
  }

  /** Asks once, on a connection of its own. @returns the status; 0 when there was no answer */
  async #askOnce(gate: GateUnderTest, wish: Wish, deadlineMs = 20_000): Promise<number> {
    const client = await Client.open(gate, wish.linkId, deadlineMs).catch(() => null);
    if (client === null) return 0;
    try {
      return await this.askOn(client, wish);
    } finally {
      client.close();
    }
  }

  /** Asks on an open connection. @returns the status; 0 when the connection ended without an answer */
  async askOn(client: Client, wish: Wish): Promise<number> {
    const id = String(++this.#count);
    const flight = { ...wish, opened: client.opened, sent: performance.now(), isAdmitted: false };
    this.#flights.set(id, flight);
    if (this.#ledger.all.some(each => isSame(each, wish) && each.to < flight.sent)) this.counts.sentAfterRevocation++;
    let status = 0;
    try {
      status = await client.ask(`${wish.account}.${ZONE.private}`, `/Patient?id=${id}`);
    } catch {
      // The gate or the connection has ended.
    }
    this.#judgeAnswer(flight, status);
    // An admitted one may still be on its way to the service when the connection has ended.
    if (status !== 0) this.#flights.delete(id);
    return status;
  }

  /** Asks the gate until it admits. */
  async untilAdmitted(gate: GateUnderTest, wish: Wish, deadlineMs = ANSWER_MS): Promise<void> {
    let last = 0;
    await until(
      async () => {
        last = await this.#askOnce(gate, wish);
        return last === 200;
      },
      () => `${wish.account} is not admitted through ${wish.linkId}: ${last}\n${gate.explain()}`,
      deadlineMs,
    );
  }

  async #hammer(gate: GateUnderTest, choose: () => { linkId: number; accounts: string[] }): Promise<void> {
    let client: Client | null = null;
    let linkId = 0;
    while (!this.#isOver) {
      const next = choose();
      if (client === null || next.linkId !== linkId) {
        client?.close();
        linkId = next.linkId;
        client = await Client.open(gate, linkId, 20_000).catch(() => null);
        if (client === null) {
          this.counts.broken++;
          await delay(PAUSE);
          continue;
        }
      }
      for (const account of next.accounts) {
        if (client === null) break;
        if ((await this.askOn(client, { account, linkId })) === 0 || client.isEnding) {
          client.close();
          client = null;
        }
      }
    }
    client?.close();
  }

  #judgeAdmission(account: string, id: string, told: string): void {
    this.counts.admitted++;
    const flight = this.#flights.get(id);
    if (flight === undefined) {
      this.#object(`${account} got a request that nobody sent: ${id}`);
      return;
    }
    flight.isAdmitted = true;
    if (told !== String(flight.linkId)) this.#object(`${account} was told link ${told}, not ${flight.linkId}`);
    const { linkId, opened, sent } = flight;
    const admission: Admission = { account, linkId, opened, sent, admitted: performance.now() };
    const objection = this.#ledger.objectTo(admission);
    if (objection !== null) this.#object(`admitted although ${objection}`);
    if (account !== flight.account) this.#object(`${account} got a request for ${flight.account}`);
  }

  #judgeAnswer({ account, linkId, sent, isAdmitted }: Flight, status: number): void {
    if (status === 200 && !isAdmitted) this.#object(`${account} through ${linkId} was answered 200, by no service`);
    if (status === 0) this.counts.broken++;
    else if (status === 503) this.counts.unavailable++;
    else if (status === 421) this.counts.oldConnection++;
    else if (status === 403) {
      this.counts.denied++;
      const objection = this.#ledger.objectToDenial(account, linkId, sent, performance.now());
      if (objection !== null) this.#object(`denied although ${objection}`);
    } else if (!EXPECTED.includes(status)) this.#object(`${account} through ${linkId} was answered ${status}`);
  }

  #object(text: string): void {
    if (this.objections.length < KEPT_OBJECTIONS) this.objections.push(text);
  }
}

/** A client's connection through a link, as a load balancer hands it on. */
export class Client {
  readonly opened: number;
  isEnding = false;
  readonly #connection: RawConnection;

  private constructor(connection: RawConnection, opened: number) {
    this.#connection = connection;
    this.opened = opened;
  }

  /** @param deadlineMs how long each answer may take */
  static async open(gate: GateUnderTest, linkId: number, deadlineMs = 60_000): Promise<Client> {
    const header = writeProxyHeader({ source: linkAddress(linkId, "10.1.1.4") });
    const connection = await RawConnection.open(gate.endpoints.proxy, header, deadlineMs);
    return new Client(connection, performance.now());
  }

  /** @returns the status @throws Error when the connection ends first */
  ask(host: string, target: string): Promise<number> {
    return this.#sendAndRead(writeRequest({ host, target }));
  }

  send(bytes: string): void {
    this.#connection.send(bytes);
  }

  /** Sends the end of a request. @returns the status; 0 when the connection has ended */
  finish(bytes: string): Promise<number> {
    return this.#sendAndRead(Buffer.from(bytes)).catch(() => 0);
  }

  async #sendAndRead(bytes: Buffer): Promise<number> {
    this.#connection.send(bytes);
    const answer = await this.#connection.readResponse();
    this.isEnding = answer.header("connection") === "close";
    return answer.status;
  }

  close(): void {
    this.#connection.close();
  }
}

function isSame(one: Wish, other: Wish): boolean {
  return one.account === other.account && one.linkId === other.linkId;
}
