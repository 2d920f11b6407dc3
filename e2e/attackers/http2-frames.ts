import type { TLSSocket } from "node:tls";

// A writer of HTTP/2 frames (RFC 9113) that checks nothing: a test may send what no library would.

export type Field = readonly [name: string, value: string];

const TYPES = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, continuation: 9 } as const;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
/** Both sides' default (RFC 9113 6.5.2). */
const LARGEST_FRAME = 16_384;
const DEADLINE_MS = 60_000;

/** The client's preface with empty SETTINGS. */
export const PREFACE: Buffer = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  writeFrame(TYPES.settings, 0, 0, Buffer.alloc(0)),
]);

/** A request on stream 1 in as many frames as it takes, with its body and trailers if there are any. */
export function writeRequestFrames(fields: readonly Field[], body = "", trailers: readonly Field[] = []): Buffer {
  const hasMore = body !== "" || trailers.length > 0;
  const frames = [writeHeaders(fields, !hasMore)];
  if (body !== "") frames.push(writeFrame(TYPES.data, trailers.length > 0 ? 0 : END_STREAM, 1, Buffer.from(body)));
  if (trailers.length > 0) frames.push(writeHeaders(trailers, true));
  return Buffer.concat(frames);
}

/** The head of a request that never ends: empty CONTINUATION frames behind it, and then a frame that must not be there. */
export function writeEndlessHead(fields: readonly Field[], continuations: number): Buffer {
  const empty = writeFrame(TYPES.continuation, 0, 1, Buffer.alloc(0));
  const head = writeFrame(TYPES.headers, END_STREAM, 1, encodeFields(fields));
  return Buffer.concat([
    head,
    ...Array<Buffer>(continuations).fill(empty),
    writeFrame(TYPES.ping, 0, 0, Buffer.alloc(8)),
  ]);
}

function writeHeaders(fields: readonly Field[], isLast: boolean): Buffer {
  const block = encodeFields(fields);
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += LARGEST_FRAME) {
    const flags = (at + LARGEST_FRAME >= block.length ? END_HEADERS : 0) | (at === 0 && isLast ? END_STREAM : 0);
    const type = at === 0 ? TYPES.headers : TYPES.continuation;
    frames.push(writeFrame(type, flags, 1, block.subarray(at, at + LARGEST_FRAME)));
  }
  return Buffer.concat(frames);
}

function writeFrame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literals without indexing and without Huffman's code (RFC 7541 6.2.2): every byte as it is. */
function encodeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), encodeText(name), encodeText(value)]));
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const length: number[] = [];
  let rest = bytes.length - 127;
  if (rest < 0) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.of(127, ...length, rest), bytes]);
}

/** Sends the bytes, and waits until stream 1 has ended or was reset, or the connection ends. */
export async function sendFrames(tls: TLSSocket, bytes: Buffer): Promise<void> {
  let received = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("neither an answer nor an end")), DEADLINE_MS);
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    tls.on("data", chunk => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
        const [type = 0, flags = 0] = [received[3], received[4]];
        const stream = received.readUInt32BE(5);
        const isEnd = (type === TYPES.headers || type === TYPES.data) && (flags & END_STREAM) !== 0;
        if (type === TYPES.goaway || (stream === 1 && (isEnd || type === TYPES.reset))) finish();
        received = received.subarray(9 + received.readUIntBE(0, 3));
      }
    });
    for (const event of ["end", "close", "error"]) tls.once(event, finish);
    tls.write(bytes);
  });
  tls.destroy();
}
