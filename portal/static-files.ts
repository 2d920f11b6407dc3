import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

/** Where a build's files that browsers fetch lie, and below which path they ask for them. */
const FOLDER = "static";
const PATH = "/_next/static";

/** What is worth compressing, and what it is called. */
const TYPES: Readonly<Record<string, string>> = {
  ".js": "application/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

/** Compresses a build's scripts as far as Brotli goes, which is too slow for a request. @param build the folder `.next` */
export function compressStatic(build: string): void {
  for (const file of listFiles(join(build, FOLDER))) {
    if (!(extname(file) in TYPES)) continue;
    const text = readFileSync(file);
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
    writeFileSync(`${file}.br`, brotliCompressSync(text, { params }));
  }
}

/**
 * Answers for the scripts of a build with their compressed form, from memory. Their names hold a hash of what is in them, so
 * that a browser may keep them for good.
 *
 * @param build the folder `.next`
 * @returns a function that is false for whatever Next.js has to answer
 */
export function serveStatic(build: string): (request: IncomingMessage, response: ServerResponse) => boolean {
  const folder = join(build, FOLDER);
  const compressed = listFiles(folder).filter(file => file.endsWith(".br"));
  const bodies = new Map(compressed.map(file => [toPath(folder, file.slice(0, -3)), readFileSync(file)]));
  return (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const body = bodies.get(path);
    if (body === undefined || request.method !== "GET" || !takesBrotli(request)) return false;
    response.writeHead(200, {
      "content-type": TYPES[extname(path)],
      "content-encoding": "br",
      "content-length": body.length,
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
      "x-content-type-options": "nosniff",
    });
    response.end(body);
    return true;
  };
}

/** Whether a client names Brotli without refusing it (RFC 9110 section 12.5.3). */
function takesBrotli({ headers }: IncomingMessage): boolean {
  return /(^|,)\s*br\s*(,|$|;\s*q=(1|0?\.0*[1-9]))/.test(String(headers["accept-encoding"] ?? ""));
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

function toPath(folder: string, file: string): string {
  return `${PATH}/${relative(folder, file).split(sep).join("/")}`;
}
