import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compressStatic, serveStatic } from "../static-files.ts";

const SCRIPT = "export const answer = 42;\n".repeat(100);
const PATH = "/_next/static/chunks/[a]/one.js";
let build: string;
let server: Server;

beforeAll(async () => {
  build = mkdtempSync(join(tmpdir(), "linkgate-portal-"));
  mkdirSync(join(build, "static", "chunks", "[a]"), { recursive: true });
  writeFileSync(join(build, "static", "chunks", "[a]", "one.js"), SCRIPT);
  writeFileSync(join(build, "static", "chunks", "picture.png"), SCRIPT);
  writeFileSync(join(build, "secret.js.br"), "not for browsers");
  compressStatic(build);
  const answerStatic = serveStatic(build);
  server = createServer((request, response) => {
    if (!answerStatic(request, response)) response.writeHead(299).end("Next.js");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.close();
  rmSync(build, { recursive: true });
});

async function ask(path: string, encoding = "gzip, deflate, br, zstd"): Promise<[IncomingMessage, Buffer]> {
  const { port } = server.address() as AddressInfo;
  const request = get({ host: "127.0.0.1", port, path, headers: { "accept-encoding": encoding } });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return [answer, await buffer(answer)];
}

test("a script goes out compressed, once and for good", async () => {
  const [{ statusCode, headers }, body] = await ask(PATH);
  expect(statusCode).toBe(200);
  expect(headers).toMatchObject({
    "content-encoding": "br",
    "content-type": "application/javascript; charset=utf-8",
    "cache-control": "public, max-age=31536000, immutable",
    vary: "accept-encoding",
    "x-content-type-options": "nosniff",
  });
  expect(brotliDecompressSync(body).toString()).toBe(SCRIPT);
  expect(body.length).toBeLessThan(SCRIPT.length / 10);
});

test.each(["gzip", "", "br;q=0", "br;q=0.000", "brotli", "*"])(
  "who does not ask for Brotli gets none: %j",
  async encoding => {
    expect((await ask(PATH, encoding))[0].statusCode).toBe(299);
  },
);

test.each([
  "/",
  "/_next/static/chunks/picture.png",
  `${PATH}.br`,
  "/_next/static/../secret.js",
  "/_next/static/%2e%2e/secret.js",
  "/_next/static/chunks/one.js",
])("everything else is left to Next.js: %s", async path => {
  expect((await ask(path))[0].statusCode).toBe(299);
});
