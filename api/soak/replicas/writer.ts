import { setTimeout as pause } from "node:timers/promises";
import type { Answer, ArmClient } from "../../test/support/client.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  decisionBody,
  proxyBody,
  proxyPath,
} from "../../test/support/documents.ts";
import type { Random } from "../random.ts";
import { assertSeen, type Book, describe, type Ledger, type Slot } from "./ledger.ts";
import type { Reader } from "./reader.ts";

export interface WriterOptions {
  readonly number: number;
  readonly random: Random;
  readonly ledger: Ledger;
  /** Each may end at another replica. */
  readonly clients: readonly ArmClient[];
  /** Accounts that all writers share. */
  readonly shared: readonly Book[];
  /** Links that all writers want. */
  readonly pool: readonly number[];
  readonly readers: () => readonly Reader[];
  /** Everything is given up: no call is sent any more. */
  readonly over: AbortSignal;
}

interface Call {
  readonly answer: Answer;
  /** An earlier try was sent and never answered: it may have been carried out. */
  readonly isRepeated: boolean;
}

/** Endpoints that a writer keeps in its own account, one more than fit, and in shared ones. */
const SLOTS = { own: 6, shared: 3 };

/**
 * NRP and a customer in one: drives its own endpoints, in an account of its own and in shared ones, by one call after
 * the other. It repeats each call until it is answered, and objects to every answer that its ledger does not explain.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly own: Book;
  readonly #slots: Slot[] = [];
  #names = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    const told = { version: 0, record: undefined };
    this.own = { name: `own-${options.number}`, exists: false, publicAccess: "Enabled", slots: new Set(), told };
  }

  /** Writes until the signal, then to the end of the call it is at. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, ledger } = this.#options;
    while (!signal.aborted) {
      if (!this.own.exists) await this.#createAccount();
      else if (random.chance(0.02)) await this.#deleteAccount(signal);
      else if (random.chance(0.05)) await this.#toggleAccess();
      else await this.#driveOne();
      ledger.count("actions");
    }
  }

  /** Asks for one more endpoint in an account, beside whatever else it does. */
  async rush(account: Book): Promise<void> {
    await this.#request(this.#newSlot(account));
  }

  /** Polls what still runs to its end, and compares what the registry answers with what this writer knows. */
  async settle(): Promise<void> {
    for (const slot of [...this.#slots]) {
      while (slot.operation !== undefined) if (!(await this.#poll(slot))) await pause(50);
      await this.#compare(slot);
    }
    const account = await this.#call("GET", accountPath(this.own.name));
    const expected = this.own.exists ? 200 : 404;
    if (account.answer.status !== expected) this.#object(`GET ${this.own.name}`, account.answer);
    else if (this.own.exists && account.answer.body.properties.publicNetworkAccess !== this.own.publicAccess) {
      this.#object(`GET ${this.own.name}, ${this.own.publicAccess}`, account.answer);
    }
  }

  async #createAccount(): Promise<void> {
    const { ledger } = this.#options;
    const { own } = this;
    const { answer, isRepeated } = await this.#call("PUT", accountPath(own.name), ACCOUNT_BODY);
    if (answer.status !== 201 && !(isRepeated && answer.status === 200)) return this.#object("PUT account", answer);
    own.exists = true;
    own.publicAccess = "Enabled";
    ledger.count("accounts made");
    ledger.tell(own);
  }

  async #toggleAccess(): Promise<void> {
    const { own } = this;
    const publicAccess = own.publicAccess === "Enabled" ? "Disabled" : "Enabled";
    const body = { properties: { publicNetworkAccess: publicAccess } };
    const { answer } = await this.#call("PATCH", accountPath(own.name), body);
    if (answer.status !== 200) return this.#object("PATCH account", answer);
    own.publicAccess = publicAccess;
    this.#options.ledger.tell(own);
    await this.#watch();
  }

  /** Connections go with their account, and NRP is told of those that NRP did not delete itself. */
  async #deleteAccount(signal: AbortSignal): Promise<void> {
    const { ledger, random } = this.#options;
    const { own } = this;
    const slots = [...own.slots];
    const standing = slots.filter(slot => slot.state !== "Deleting");
    const links = slots.flatMap(slot => slot.links);
    for (const slot of standing) {
      ledger.close(slot);
      ledger.toTell.add(slot.name);
    }
    const { answer, isRepeated } = await this.#call("DELETE", accountPath(own.name));
    if (answer.status !== 202 && !(isRepeated && answer.status === 204)) return this.#object("DELETE account", answer);
    own.exists = false;
    ledger.tell(own);
    for (const slot of standing) ledger.change(slot, "Deleting");
    const url = answer.headers["azure-asyncoperation"];
    while (url !== undefined && !(await this.#hasEnded(url))) {
      // Others find it on its way out: its name is taken, and nothing can be added to it.
      if (random.chance(0.2)) {
        const put = await this.#call("PUT", accountPath(own.name), ACCOUNT_BODY);
        if (put.answer.status === 201 || (put.isRepeated && put.answer.status === 200)) {
          this.#forget(slots, links, standing);
          own.exists = true;
          own.publicAccess = "Enabled";
          ledger.tell(own);
          return;
        }
        if (put.answer.status !== 409) this.#object("PUT account that is being deleted", put.answer);
      }
      await pause(signal.aborted ? 50 : 20 + random.below(100));
    }
    this.#forget(slots, links, standing);
  }

  /** An account has gone, and all that was in it. */
  #forget(slots: readonly Slot[], links: readonly number[], told: readonly Slot[]): void {
    const { ledger } = this.#options;
    ledger.assertRevoked(this.own.name, links, `the deletion of ${this.own.name}`);
    for (const slot of told) {
      if (!ledger.told.has(slot.name)) ledger.object(`${this.own.name} has gone before NRP was told of ${slot.name}`);
    }
    for (const slot of slots) {
      slot.state = "Absent";
      slot.operation = undefined;
      slot.links = [];
      this.own.slots.delete(slot);
      this.#slots.splice(this.#slots.indexOf(slot), 1);
    }
    ledger.count("accounts deleted");
  }

  async #driveOne(): Promise<void> {
    const { random } = this.#options;
    const own = this.#slots.filter(slot => slot.account === this.own).length;
    if (own < SLOTS.own && random.chance(0.3)) return await this.#request(this.#newSlot(this.own));
    if (this.#slots.length - own < SLOTS.shared && random.chance(0.2)) {
      return await this.#request(this.#newSlot(random.pick(this.#options.shared)));
    }
    if (this.#slots.length === 0) return;
    const slot = random.pick(this.#slots);
    if (slot.operation !== undefined && random.chance(0.7)) {
      await this.#poll(slot);
      return;
    }
    if (random.chance(0.3)) return await this.#compare(slot);
    switch (slot.state) {
      case "Absent":
        throw new Error("a slot that was never granted is kept");
      case "Pending":
        return await (random.chance(0.7) ? this.#decide(slot, "Approved") : this.#decide(slot, "Rejected"));
      case "Approved":
        if (random.chance(0.3)) return await this.#decide(slot, "Rejected");
        return await (random.chance(0.5) ? this.#relink(slot) : this.#delete(slot));
      case "Rejected":
        if (random.chance(0.3)) return await this.#decide(slot, "Approved");
        return await (random.chance(0.7) ? this.#request(slot) : this.#delete(slot));
      case "Deleting":
        return await (random.chance(0.5) ? this.#request(slot) : this.#delete(slot));
    }
  }

  #newSlot(account: Book): Slot {
    this.#names += 1;
    const name = `pe${this.#names}.writer-${this.#options.number}`;
    return { account, name, state: "Absent", links: [], operation: undefined };
  }

  #wantLinks(): number[] {
    const { random, pool, number } = this.#options;
    const own = (): number => 100_000 * (number + 1) + random.below(100_000);
    return Array.from({ length: 1 + random.below(2) }, () => (random.chance(0.6) ? random.pick(pool) : own()));
  }

  /** NRP PUTs the proxy: a new one, or again one that was rejected or is being deleted. */
  async #request(slot: Slot): Promise<void> {
    const { random, ledger } = this.#options;
    const isNew = slot.state === "Absent";
    const kind = isNew && random.chance(0.5) ? "auto" : "manual";
    const links = isNew ? this.#wantLinks() : slot.links;
    const call = await this.#call("PUT", proxyPath(slot.account.name, slot.name), proxyBody(slot.name, kind, links));
    const { answer } = call;
    const code = answer.body?.error?.code;
    if (slot.state === "Deleting") {
      if (answer.status === 201 || (call.isRepeated && answer.status === 200)) return this.#reborn(slot);
      if (code === "QuotaExceeded" || code === "LinkIdInUse") return this.#gone(slot);
      if (code !== "InvalidStateTransition") this.#object(`PUT ${slot.name}, Deleting`, answer);
      return;
    }
    if (isNew && answer.status === 409) {
      const isFull = slot.account !== this.own || ledger.countFirm(slot.account) === ledger.maxConnections;
      if (code === "LinkIdInUse" || (code === "QuotaExceeded" && isFull)) {
        ledger.count(code);
      } else this.#object(`PUT ${slot.name}, new`, answer);
      return;
    }
    if (!isNew && code === "AnotherOperationInProgress") return;
    const wanted = isNew ? [201, ...(call.isRepeated ? [200] : [])] : [200];
    if (!wanted.includes(answer.status)) return this.#object(`PUT ${slot.name}, ${slot.state}`, answer);
    ledger.change(slot, kind === "auto" ? "Approved" : "Pending");
    slot.links = links;
    slot.operation = undefined;
    if (isNew) ledger.open(slot);
    ledger.hold(slot, links);
    ledger.count(isNew ? "connections made" : "connections asked for again");
    await this.#changed(slot, answer);
    // Driven on only now: a rush comes beside whatever else this writer does, which must not change what is being compared.
    if (isNew) this.#slots.push(slot);
  }

  /** The PUT met an endpoint whose deletion had just ended, and made it anew: Pending, as it was asked for. */
  #reborn(slot: Slot): void {
    const { ledger } = this.#options;
    slot.state = "Absent";
    ledger.change(slot, "Pending");
    slot.operation = undefined;
    ledger.open(slot);
    ledger.hold(slot, slot.links);
  }

  async #decide(slot: Slot, status: "Approved" | "Rejected"): Promise<void> {
    const { ledger } = this.#options;
    const { answer } = await this.#call("PUT", connectionPath(slot.account.name, slot.name), decisionBody(status));
    if (slot.state === "Rejected" && status === "Approved") {
      if (answer.body?.error?.code !== "InvalidStateTransition") this.#object(`approve ${slot.name}, Rejected`, answer);
      return;
    }
    if (answer.status !== 200) return this.#object(`${status} ${slot.name}, ${slot.state}`, answer);
    ledger.change(slot, status);
    slot.operation = answer.headers["azure-asyncoperation"];
    ledger.count(status);
    await this.#changed(slot, answer);
  }

  /** NRP gives an approved endpoint another link: the old one is revoked. */
  async #relink(slot: Slot): Promise<void> {
    const { ledger } = this.#options;
    const links = this.#wantLinks();
    ledger.giveUp(
      slot,
      slot.links.filter(link => !links.includes(link)),
    );
    const { answer } = await this.#call(
      "PUT",
      proxyPath(slot.account.name, slot.name),
      proxyBody(slot.name, "manual", links),
    );
    const code = answer.body?.error?.code;
    if (code === "LinkIdInUse" || code === "AnotherOperationInProgress") return ledger.hold(slot, slot.links);
    if (answer.status !== 200) return this.#object(`relink ${slot.name}`, answer);
    slot.links = links;
    slot.operation = answer.headers["azure-asyncoperation"];
    ledger.hold(slot, links);
    ledger.count("relinked");
    await this.#changed(slot, answer);
  }

  async #delete(slot: Slot): Promise<void> {
    const { ledger, random } = this.#options;
    const was = slot.state;
    if (was !== "Deleting") ledger.close(slot);
    const path = (random.chance(0.5) ? proxyPath : connectionPath)(slot.account.name, slot.name);
    const { answer, isRepeated } = await this.#call("DELETE", path);
    if (answer.status === 204 && (isRepeated || was === "Deleting")) {
      if (was !== "Deleting") ledger.change(slot, "Deleting");
      return this.#gone(slot);
    }
    if (answer.status !== 202) return this.#object(`DELETE ${slot.name}, ${was}`, answer);
    if (was !== "Deleting") ledger.change(slot, "Deleting");
    slot.operation = answer.headers["azure-asyncoperation"];
    if (slot.operation === undefined) this.#object(`DELETE ${slot.name} names no operation`, answer);
    ledger.count("deleted");
    await this.#changed(slot, answer);
  }

  /** The deletion has ended: no gate admits by its links, and it is not there. */
  #gone(slot: Slot): void {
    this.#options.ledger.assertRevoked(slot.account.name, this.#freed(slot), `the deletion of ${slot.name}`);
    slot.state = "Absent";
    slot.operation = undefined;
    slot.account.slots.delete(slot);
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    this.#options.ledger.tell(slot.account);
  }

  /** Its links, but for those that others may have had since in the same account. */
  #freed(slot: Slot): number[] {
    return slot.account === this.own
      ? slot.links.filter(link => ![...this.own.slots].some(other => other !== slot && other.links.includes(link)))
      : slot.links.filter(link => !this.#options.pool.includes(link));
  }

  /** Asks how the slot's operation goes. Returns true when it has ended. */
  async #poll(slot: Slot): Promise<boolean> {
    if (slot.operation === undefined || !(await this.#hasEnded(slot.operation))) return false;
    slot.operation = undefined;
    if (slot.state === "Deleting") this.#gone(slot);
    else if (slot.state === "Rejected") {
      this.#options.ledger.assertRevoked(slot.account.name, this.#freed(slot), `the rejection of ${slot.name}`);
    }
    return true;
  }

  async #hasEnded(operation: string): Promise<boolean> {
    const { answer } = await this.#call("GET", operation);
    const status = answer.body?.status;
    if (answer.status !== 200 || (status !== "Running" && status !== "Succeeded"))
      this.#object("GET operation", answer);
    return status === "Succeeded";
  }

  /** Reads the slot through some replica: it must be what the last answer made it. */
  async #compare(slot: Slot): Promise<void> {
    const { answer } = await this.#call("GET", proxyPath(slot.account.name, slot.name));
    const what = `GET ${slot.name}, ${slot.state} with ${slot.links}`;
    if (slot.state === "Absent" || slot.state === "Deleting") {
      const isThere = answer.status === 200 && slot.state === "Deleting" && answer.body.status === "Disconnected";
      if (answer.status !== 404 && !isThere) this.#object(what, answer);
      return;
    }
    const details: { linkIdentifier: string }[] = answer.body?.remotePrivateEndpoint?.connectionDetails ?? [];
    const links = details.map(detail => Number(detail.linkIdentifier)).join();
    if (answer.status !== 200 || answer.body.status !== slot.state || links !== slot.links.join())
      this.#object(what, answer);
  }

  /** After an answer that changed something: the ledger notes it, and now and then it is looked at from elsewhere. */
  async #changed(slot: Slot, answer: Answer): Promise<void> {
    const { ledger, random } = this.#options;
    if (answer.status >= 500) this.#object("answer", answer);
    ledger.tell(slot.account);
    if (random.chance(0.5)) await this.#compare(slot);
    if (slot.account === this.own) await this.#watch();
  }

  /** Now and then waits until some gate has got what this writer's account has become: nothing is skipped. */
  async #watch(): Promise<void> {
    const { ledger, random, readers } = this.#options;
    if (!random.chance(0.2)) return;
    const objection = await assertSeen(random.pick(readers()), this.own);
    if (objection !== undefined) ledger.object(objection);
    ledger.count("seen by a gate");
  }

  /** Sends a call until it is answered; 503 and a broken connection are not answers. */
  async #call(method: string, path: string, body?: object): Promise<Call> {
    const { clients, random, ledger } = this.#options;
    for (let isRepeated = false; ; isRepeated = true) {
      this.#options.over.throwIfAborted();
      try {
        const answer = await random.pick(clients).call(method, path, body === undefined ? {} : { body });
        ledger.count("answers");
        if (answer.status === 500) this.#object(`${method} ${path}`, answer);
        if (answer.status !== 503) return { answer, isRepeated };
        ledger.count("503");
        await pause(20);
      } catch {
        ledger.count("lost answers");
      }
    }
  }

  #object(what: string, answer: Answer): void {
    this.#options.ledger.object(`${what}: ${describe(answer)}`);
  }
}
