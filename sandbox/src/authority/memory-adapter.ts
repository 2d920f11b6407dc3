import type { Adapter, AdapterPayload } from "oidc-provider";

interface Entry {
  payload: AdapterPayload;
  expiresAt: number;
}

/** Sessions and codes of one sandbox, in memory: they end with it, as its keys do. */
export class MemoryAdapter implements Adapter {
  static readonly #entries = new Map<string, Entry>();
  readonly #kind: string;

  constructor(kind: string) {
    this.#kind = kind;
  }

  async upsert(id: string, payload: AdapterPayload, expiresInSeconds?: number): Promise<void> {
    const expiresAt = expiresInSeconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresInSeconds * 1000;
    MemoryAdapter.#entries.set(`${this.#kind}:${id}`, { payload, expiresAt });
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const entry = MemoryAdapter.#entries.get(`${this.#kind}:${id}`);
    return entry && entry.expiresAt > Date.now() ? entry.payload : undefined;
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#findBy(payload => payload.uid === uid);
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#findBy(payload => payload.userCode === userCode);
  }

  async consume(id: string): Promise<void> {
    const payload = await this.find(id);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id: string): Promise<void> {
    MemoryAdapter.#entries.delete(`${this.#kind}:${id}`);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, entry] of MemoryAdapter.#entries) {
      if (entry.payload.grantId === grantId) MemoryAdapter.#entries.delete(key);
    }
  }

  async #findBy(matches: (payload: AdapterPayload) => boolean): Promise<AdapterPayload | undefined> {
    for (const [key, entry] of MemoryAdapter.#entries) {
      if (key.startsWith(`${this.#kind}:`) && matches(entry.payload))
        return this.find(key.slice(this.#kind.length + 1));
    }
    return undefined;
  }
}
