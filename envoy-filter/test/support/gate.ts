import { FakeEnvoy, type FakeOutcome, type FakeVm } from "../../testing/fake-envoy.ts";

/** The settings of an instance, with some of them changed. */
export function settingsOf(changes: Record<string, string> = {}): Record<string, string> {
  return {
    listener: "direct",
    zones: "azurehealthcareapis.com/privatelink.azurehealthcareapis.com",
    linkTlv: "off",
    gate: "test-gate",
    feedAuthority: "feed.example:8443",
    feedPath: "",
    maxTableAge: "3600",
    ...changes,
  };
}

/** Where the shared data of a gate with these settings begins: 8 bytes before each key, as `Settings.gateNumber` makes them. */
export function numberOf(settings: Record<string, string> = settingsOf()): string {
  let hash = 0xcbf29ce484222325n;
  for (const text of ["linkgate", settings.gate, settings.feedAuthority, settings.feedPath]) {
    for (const byte of Buffer.from(`${text}\0`)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(hash);
  return bytes.toString("latin1");
}

/** A filter that follows a feed, answer by answer. */
export class FakeGate {
  readonly envoy = new FakeEnvoy();
  readonly vm: FakeVm = this.envoy.createVm();
  readonly root: number;

  constructor(changes: Record<string, string> = {}) {
    this.root = this.vm.configure(settingsOf(changes));
  }

  /** Loads a table of these lines, each without its LF. */
  load(...lines: string[]): void {
    this.vm.tick(this.root);
    this.envoy.takeCall().answer(200, [...lines, "=cursor-1\tdone", ""].join("\n"));
  }

  /** A request from an address, in Envoy's way to write it, with its port. */
  ask(source: string, host: string, headers: [string, string][] = []): FakeOutcome {
    const head: [string, string][] = [
      [":authority", host],
      [":path", "/Patient"],
      [":method", "GET"],
    ];
    return this.vm.request(this.root, {
      headers: [...head, ...headers],
      properties: { "source\0address": `[${source}]:50000` },
    });
  }
}
