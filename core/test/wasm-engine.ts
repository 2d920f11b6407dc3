import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { LINE_DONE, LINE_MALFORMED, LINE_MORE, LINE_UPSERT } from "../src/index.ts";
import { isAddressGiven, type Question, readHex, TABLE_STATES, TLV_MODES, ZONE } from "../testing/answer.ts";
import type { Engine, ReadAddress, ReadLine } from "./engine.ts";

/** What `test/probe.ts` exports: functions of numbers, and the places where texts are put and found. */
interface Probe {
  memory: WebAssembly.Memory;
  input: WebAssembly.Global<"i32">;
  inputSize: WebAssembly.Global<"i32">;
  output: WebAssembly.Global<"i32">;
  [call: string]: unknown;
}

/** An engine in wasm, and what of it the tests of memory look at. */
export interface WasmEngine extends Engine {
  /** Decides the same question `times` over. */
  decideTimes(question: Question, times: number): void;
  memoryBytes(): number;
  /** Where the next allocation would go: another place, and something has allocated. */
  nextAllocation(): number;
}

const folder = join(import.meta.dirname, "..");

/** The built probe, built anew when a source is younger. Any warning of the compiler is an error. */
export function buildProbe(): string {
  const file = join(folder, "dist", "probe.wasm");
  const sources = ["asconfig.json", "package.json", "test/probe.ts", ...globSync("src/**/*.ts", { cwd: folder })];
  const youngest = Math.max(...sources.map(source => statSync(join(folder, source)).mtimeMs));
  if (existsSync(file) && statSync(file).mtimeMs > youngest) return file;

  const asc = createRequire(import.meta.url).resolve("assemblyscript/bin/asc.js");
  const own = `dist/probe-${process.pid}.wasm`; // test files run side by side, and a half-written file is no module
  const options = ["--config", "asconfig.json", "--target", "probe", "--outFile", own];
  const output = execFileSync(process.execPath, [asc, ...options], { cwd: folder, encoding: "utf8", stdio: "pipe" });
  if (output !== "") throw new Error(`asc has something to say:\n${output}`);
  renameSync(join(folder, own), file);
  return file;
}

/** Core as wasm, its texts as UTF-8 in linear memory. */
export function createWasmEngine(): WasmEngine {
  const module = new WebAssembly.Module(readFileSync(buildProbe()));
  const probe = new WebAssembly.Instance(module, {}).exports as unknown as Probe;
  const input = probe.input.value;
  const encoder = new TextEncoder();

  function call(name: string, ...values: number[]): number {
    return (probe[name] as (...values: number[]) => number)(...values);
  }

  /** Puts texts and bytes one behind the other and returns their lengths, -1 for null. */
  function put(...parts: (string | Uint8Array | null)[]): number[] {
    const memory = new Uint8Array(probe.memory.buffer, input, probe.inputSize.value);
    let at = 0;
    return parts.map(part => {
      if (part === null) return -1;
      const bytes = typeof part === "string" ? encoder.encode(part) : part;
      memory.set(bytes, at);
      at += bytes.length;
      return bytes.length;
    });
  }

  function read(start: number, length: number): string {
    return Buffer.from(probe.memory.buffer, start, length).toString("latin1");
  }
  const readInput = (from: number, to: number) => read(input + from, to - from);
  const readOutput = () => read(probe.output.value, call("outputLength"));

  function write(name: string, ...values: number[]): string {
    call(name, ...values);
    return readOutput();
  }

  function describeAddress(): ReadAddress {
    return {
      groups: Array.from({ length: 8 }, (_, group) => call("addressGroup", group)),
      isIPv4: call("addressIsIPv4") !== 0,
      isPrivateLink: call("addressIsPrivateLink") !== 0,
      linkId: call("addressLinkId") >>> 0,
      dotted: write("writeAddressDotted"),
      text: write("writeAddressGroups"),
    };
  }

  function useZones(pairs: readonly (readonly [string, string])[]): boolean[] {
    call("clearZones");
    return pairs.map(pair => call("addZone", ...put(...pair)) !== 0);
  }
  const ownZones = [[ZONE.public, ZONE.private]] as const;
  useZones(ownZones);

  function putQuestion(question: Question): number[] {
    const listener = question.listener ?? "direct";
    return [
      ...put(
        question.host,
        question.method ?? "GET",
        question.target ?? "/",
        isAddressGiven(listener) ? question.source : null,
        question.tlv === undefined ? null : readHex(question.tlv),
        question.entry,
      ),
      listener === "public" ? 0 : 1,
      TLV_MODES[listener],
      TABLE_STATES[question.table ?? "current"],
    ];
  }

  function readLine(page: string, from: number, end: number): ReadLine {
    const bytesBefore = (at: number) =>
      at < 0 ? at : encoder.encode(page.slice(0, at)).length + Math.max(0, at - page.length);
    const kind = call("parseLine", ...put(page), bytesBefore(from), bytesBefore(end));
    if (kind === LINE_MALFORMED) return { kind: "malformed" };
    const [nameStart = 0, nameEnd = 0, versionStart = 0, versionEnd = 0] = [0, 1, 2, 3].map(at =>
      call("lineField", at),
    );
    const name = readInput(nameStart, nameEnd);
    if (kind === LINE_MORE || kind === LINE_DONE) return { kind: kind === LINE_MORE ? "more" : "done", name };
    const version = readInput(versionStart, versionEnd);
    const entry = write("writeLineEntry", kind);
    return { kind: kind === LINE_UPSERT ? "upsert" : "removal", name, version, entry };
  }

  return {
    name: "wasm",
    decide(question) {
      const reason = call("decide", ...putQuestion(question));
      return {
        reason: write("readReason", reason),
        isAllowed: call("isAllowed", reason) !== 0,
        account: readInput(0, call("accountLength")),
        client: read(call("clientStart"), call("clientLength")),
        linkId: call("linkId") >>> 0,
      };
    },
    decideTimes: (question, times) => void call("decideTimes", times, ...putQuestion(question)),
    memoryBytes: () => probe.memory.buffer.byteLength,
    nextAllocation: () => call("nextAllocation"),
    readAddress: text => (call("parseAddress", ...put(text)) !== 0 ? describeAddress() : null),
    readAddressBytes: bytes => (call("parseAddressBytes", ...put(bytes)) !== 0 ? describeAddress() : null),
    splitHost(text, pairs) {
      if (pairs !== undefined) useZones(pairs);
      const isHost = call("parseHost", ...put(text)) !== 0;
      const host = { account: readInput(0, call("hostAccountLength")), isPrivate: call("hostIsPrivate") !== 0 };
      if (pairs !== undefined) useZones(ownZones);
      return isHost ? host : null;
    },
    addZones(pairs) {
      const taken = useZones(pairs);
      useZones(ownZones);
      return taken;
    },
    isAccount: text => call("parseAccount", ...put(text)) !== 0,
    isHealthCheck: (method, target) => call("parseHealthCheck", ...put(method, target)) !== 0,
    isReservedHeader: name => call("parseHeader", ...put(name)) !== 0,
    readLine,
    isNewer(text, entry) {
      const page = `${text}\n`;
      const [pageLength = 0, entryLength = 0] = put(page, entry);
      call("parseLine", pageLength, 0, pageLength - 1);
      return call("lineIsNewer", entryLength) !== 0;
    },
    readStartOver: body => call("parseStartOver", ...put(body)),
    readEntry(entry, linkId) {
      const start = call("entryStart", ...put(entry));
      return {
        start,
        allowsPublic: call("entryAllowsPublic") !== 0,
        hasLinkIds: start > 0 && call("entryHasLinkIds", start) !== 0,
        holds: start > 0 && call("entryHolds", start, linkId) !== 0,
      };
    },
    describeReason: reason => ({
      reason: write("readReason", reason),
      isAllowed: call("isAllowed", reason) !== 0,
      status: call("denialStatus", reason),
      body: write("readDenialBody", reason),
      explanation: write("readExplanation", reason),
    }),
  };
}
