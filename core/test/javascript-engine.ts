import { StringSink } from "../src/glue/js/string-sink.ts";
import * as core from "../src/index.ts";
import { createAnswerer, ZONE } from "../testing/answer.ts";
import type { Engine, ReadAddress, ReadLine } from "./engine.ts";

/** Core in Node, as the source stands. */
export function createJavaScriptEngine(): Engine {
  const address = new core.Address();
  const line = new core.Line();
  const host = new core.Host();
  const sink = new StringSink();

  function makeZones(pairs: readonly (readonly [string, string])[]): { zones: core.Zones; taken: boolean[] } {
    const zones = new core.Zones();
    return { zones, taken: pairs.map(pair => zones.add(...pair)) };
  }
  const ownZones = makeZones([[ZONE.public, ZONE.private]]).zones;

  function write(writer: (address: core.Address, sink: core.TextSink) => void): string {
    sink.clear();
    writer(address, sink);
    return sink.text;
  }

  function describeAddress(): ReadAddress {
    return {
      groups: Array.from({ length: 8 }, (_, group) => Buffer.from(address.bytes).readUInt16BE(2 * group)),
      isIPv4: core.isIPv4(address),
      isPrivateLink: core.isPrivateLink(address),
      linkId: core.readLinkId(address),
      dotted: write(core.writeDotted),
      text: write(core.writeGroups),
    };
  }

  function readLine(page: string, from: number, end: number): ReadLine {
    const kind = core.readLine(page, from, end, line);
    if (kind === core.LINE_MALFORMED) return { kind: "malformed" };
    const name = page.slice(line.nameStart, line.nameEnd);
    if (kind === core.LINE_MORE || kind === core.LINE_DONE) {
      return { kind: kind === core.LINE_MORE ? "more" : "done", name };
    }
    core.writeEntry(page, line, kind, sink);
    const version = page.slice(line.versionStart, line.versionEnd);
    return { kind: kind === core.LINE_UPSERT ? "upsert" : "removal", name, version, entry: sink.text };
  }

  return {
    name: "JavaScript",
    decide: createAnswerer(),
    readAddress: text => (core.readAddress(text, address) ? describeAddress() : null),
    readAddressBytes: bytes => (core.readAddressBytes(bytes, address) ? describeAddress() : null),
    splitHost(text, pairs) {
      const zones = pairs === undefined ? ownZones : makeZones(pairs).zones;
      if (!core.splitHost(text, zones, host)) return null;
      return { account: text.slice(0, host.accountLength), isPrivate: host.isPrivate };
    },
    addZones: pairs => makeZones(pairs).taken,
    isAccount: text => core.isAccount(text, 0, text.length),
    isHealthCheck: core.isHealthCheck,
    isReservedHeader: core.isReservedHeader,
    readLine,
    isNewer(text, entry) {
      const page = `${text}\n`;
      core.readLine(page, 0, text.length, line);
      return core.isNewer(page, line, entry);
    },
    readStartOver: core.readStartOver,
    readEntry(entry, linkId) {
      const start = core.startOfLinkIds(entry);
      return {
        start,
        allowsPublic: core.allowsPublic(entry),
        hasLinkIds: start > 0 && core.hasLinkIds(entry, start),
        holds: start > 0 && core.holdsLinkId(entry, start, String(linkId)),
      };
    },
    describeReason: reason => ({
      reason: core.REASONS[reason] ?? "",
      isAllowed: core.isAllowed(reason),
      status: core.denialStatus(reason),
      body: core.denialBody(reason),
      explanation: core.explainReason(reason),
    }),
  };
}
