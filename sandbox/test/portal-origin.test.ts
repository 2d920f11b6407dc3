import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, expect, test } from "vitest";
import { closeServer, listenOnLoopback } from "../src/listener.ts";
import { answerForPortal } from "../src/portal/origin.ts";

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map(closeServer));
});

/** Serves on a free port of loopback; gives the origin. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  return `http://127.0.0.1:${await listenOnLoopback(server)}`;
}

function startOrigin(portalUrl: string): Promise<string> {
  return serve(answerForPortal({ portalUrl, adminUrl: () => "https://127.0.0.1:1", ca: "" }));
}

test("a portal that closes a connection as it is used again fails no request", async () => {
  const used = new Set<unknown>();
  const portal = await serve((request, response) => {
    if (used.has(request.socket)) request.socket.destroy();
    else response.end("script");
    used.add(request.socket);
  });
  const origin = await startOrigin(portal);
  for (let time = 0; time < 3; time++) {
    const answer = await fetch(`${origin}/script.js`);
    expect([answer.status, await answer.text()]).toEqual([200, "script"]);
  }
});

test("what a page is told of its way here is https, and the host that was asked for", async () => {
  const portal = await serve(({ headers }, response) => {
    response.end(`${headers["x-forwarded-proto"]} ${headers.host}`);
  });
  const origin = await startOrigin(portal);
  expect(await (await fetch(origin)).text()).toBe(`https ${new URL(origin).host}`);
});

test("while the portal or the api is away, that is said", async () => {
  const origin = await startOrigin("http://127.0.0.1:1");
  for (const path of ["/", "/admin/v1/gates"]) {
    const answer = await fetch(origin + path);
    expect([answer.status, await answer.text()]).toEqual([502, "This part of the stack does not answer right now.\n"]);
  }
});
