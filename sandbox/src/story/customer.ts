import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import type { StackDescription } from "../stack/stack-file.ts";
import { createTokenSource, type TokenSource } from "../token-source.ts";

/** An answer of ARM, with its body as JSON. */
export interface ArmAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Record<string, unknown>;
}

/** A customer of Azure: plain HTTPS and a token, like any SDK. */
export interface Customer {
  /** @param target Path without api-version. */
  call(method: string, target: string, body?: unknown): Promise<ArmAnswer>;
  /** The same, and waits for the end of the operation that it starts. */
  finish(method: string, target: string, body?: unknown): Promise<ArmAnswer>;
  close(): Promise<void>;
}

/** Longer than any barrier that does not wait for a lost gate. */
const operationLimitMs = 120_000;

/** @param name A key of `arm.clients`. */
export function createCustomer(stack: StackDescription, name: string): Customer {
  const client = stack.arm.clients[name];
  if (!client) throw new Error(`stack.json has no client "${name}".`);
  const ca = readFileSync(stack.arm.caFile, "utf8");
  const agent = new Agent({ connect: { ca } });
  const token: TokenSource = createTokenSource({
    authority: { url: stack.arm.authority },
    ca,
    application: { clientId: client.clientId, secret: client.clientSecret },
    resource: stack.arm.url,
  });

  const send = async (method: string, target: string, body?: unknown): Promise<ArmAnswer> => {
    const answer = await agent.request({
      origin: stack.arm.url,
      path: target,
      method: method as "GET",
      headers: {
        authorization: `Bearer ${await token.get()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, body: text === "" ? {} : JSON.parse(text) };
  };
  const call: Customer["call"] = (method, target, body) => send(method, withVersion(target), body);

  return {
    call,
    async finish(method, target, body) {
      const answer = await call(method, target, body);
      const status = answer.headers["azure-asyncoperation"];
      if (answer.status >= 400 || typeof status !== "string") return answer;
      const { pathname, search } = new URL(status);
      const deadline = Date.now() + operationLimitMs;
      for (let wait = answer.headers["retry-after"]; ; ) {
        await delay(Number(wait ?? 1) * 1000);
        const poll = await send("GET", `${pathname}${search}`);
        if (poll.status < 500 && !["InProgress", "Running"].includes(String(poll.body.status)))
          return end(answer, poll);
        if (Date.now() > deadline)
          throw new Error(`${method} ${target} has not ended; last: ${JSON.stringify(poll.body)}`);
        wait = poll.headers["retry-after"] ?? wait;
      }
    },
    async close() {
      await token.close();
      await agent.destroy();
    },
  };
}

function end(answer: ArmAnswer, poll: ArmAnswer): ArmAnswer {
  if (poll.body.status === "Succeeded") return answer;
  throw new Error(`The operation did not succeed: ${JSON.stringify(poll.body)}`);
}

function withVersion(target: string): string {
  return `${target}?api-version=${target.includes("/Microsoft.Network/") ? "2025-05-01" : "2024-03-31"}`;
}
