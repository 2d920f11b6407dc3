import { readFileSync } from "node:fs";
import { linkAddress, RawConnection, writeProxyHeader, writeRequest } from "@linkgate/njs/testing";
import { type GateKind, type GateUnderTest, RecordingUpstream, startGate, TestFeed, ZONE } from "../gates/index.ts";

/** How much is done, and what the gate's processes took before it and meanwhile. */
export interface MemoryReport {
  requests: number;
  changes: number;
  /** The most resident memory in kB, at the end of the warm-up, and since. */
  before: number;
  after: number;
  /** The most pages of changes that the gate has got within a minute, until the end of the warm-up, and in all. */
  pagesBefore: number;
  pagesAfter: number;
}

/** Who asks the same over and over, and what must be answered. */
interface Client {
  readonly header: Uint8Array;
  readonly request: Buffer;
  readonly status: number;
  connection?: RawConnection | undefined;
}

const ACCOUNTS = 1000;
const BATCH = 25;
const CHANGES_A_PAGE = 100;
const MINUTE_MS = 60_000;

/** A gate that is asked and changed, over and over, in a world that does not grow. */
export class MemoryField {
  readonly #feed: TestFeed;
  readonly #upstream: RecordingUpstream;
  readonly #gate: GateUnderTest;
  readonly #clients: Client[] = [];
  /** When each page of changes was in force, in milliseconds. */
  readonly #pages: number[] = [];
  #version = 0;

  private constructor(feed: TestFeed, upstream: RecordingUpstream, gate: GateUnderTest) {
    this.#feed = feed;
    this.#upstream = upstream;
    this.#gate = gate;
  }

  static async open(kind: GateKind): Promise<MemoryField> {
    const feed = await TestFeed.start();
    const upstream = new RecordingUpstream();
    upstream.onRequest = () => {};
    await upstream.serve(["contoso"]);
    feed.set("contoso", "disabled", [17]);
    const settings = { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, linkQuarantine: 3600 };
    const field = new MemoryField(feed, upstream, await startGate(kind, settings));
    await field.change(ACCOUNTS);
    return field;
  }

  async close(): Promise<void> {
    for (const { connection } of this.#clients) connection?.close();
    await this.#gate.stop();
    await this.#upstream.stop();
    await this.#feed.stop();
  }

  /** Does both in turns, after a warm-up of half as much. @throws Error when an answer is not the right one */
  async run(requests: number, changes: number, onTurn: (done: number) => void = () => {}): Promise<MemoryReport> {
    const turns = Math.ceil(changes / CHANGES_A_PAGE);
    const perTurn = Math.ceil(requests / turns);
    let done = 0;
    const takeTurns = async (count: number): Promise<number> => {
      let most = 0;
      for (let at = 0; at < count; at++) {
        await this.change(CHANGES_A_PAGE);
        done += await this.#ask(perTurn);
        most = Math.max(most, await this.#readResident());
        onTurn(done);
      }
      return most;
    };
    await takeTurns(turns / 4); // what a start takes, and gives back, is not looked at
    const before = await takeTurns(turns / 4);
    const pagesBefore = this.#countPages();
    done = 0;
    const after = await takeTurns(turns);
    return {
      ...{ requests: done, changes: turns * CHANGES_A_PAGE },
      ...{ before, after, pagesBefore, pagesAfter: this.#countPages() },
    };
  }

  explain(): string {
    return this.#gate.explain();
  }

  /** Changes this many accounts, and waits until that is in force. */
  async change(count: number): Promise<void> {
    this.#feed.together(() => {
      for (let each = 0; each < count; each++) {
        const id = 1_000_000 + (++this.#version % 1_000_000);
        const account = `account${this.#version % ACCOUNTS}`;
        if (id % 7 === 0) this.#feed.remove(account);
        else this.#feed.set(account, "enabled", [id, id + 1, id + 2]);
      }
    });
    await this.#feed.acknowledged();
    this.#pages.push(performance.now());
  }

  /** Pages of the busiest minute so far. */
  #countPages(): number {
    const inMinuteFrom = (start: number) => this.#pages.filter(at => at >= start && at < start + MINUTE_MS).length;
    return Math.max(...this.#pages.map(inMinuteFrom));
  }

  /** One in four is admitted. */
  async #ask(count: number): Promise<number> {
    if (this.#clients.length === 0) {
      const contoso = `contoso.${ZONE.private}`;
      const kinds = [
        [17, contoso, 200],
        [18, contoso, 403],
        [17, `nobody.${ZONE.private}`, 403],
        [17, `account1.${ZONE.private}`, 403],
      ] as const;
      for (const [id, host, status] of [...kinds, ...kinds]) {
        const header = writeProxyHeader({ source: linkAddress(id, "10.1.1.4") });
        this.#clients.push({ header, request: writeRequest({ host, target: "/Patient?name=x" }), status });
      }
    }
    let asked = 0;
    for (; asked < count; asked += BATCH * this.#clients.length) {
      await Promise.all(
        this.#clients.map(async client => {
          for (let each = 0; each < BATCH; each++) await this.#askOnce(client);
        }),
      );
    }
    return asked;
  }

  /** Asks on a connection that lasts for as long as the gate wants it to. */
  async #askOnce(client: Client): Promise<void> {
    client.connection ??= await RawConnection.open(this.#gate.endpoints.proxy, client.header);
    client.connection.send(client.request);
    const answer = await client.connection.readResponse();
    if (answer.status !== client.status) throw new Error(`${answer.status} instead of ${client.status}`);
    if (answer.header("connection") !== "close") return;
    client.connection.close();
    client.connection = undefined;
  }

  async #readResident(): Promise<number> {
    const { master, workers } = await this.#gate.readProcesses();
    const read = (pid: number) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    return [master, ...workers].reduce((sum, pid) => sum + read(pid), 0);
  }
}
