import type { PassThrough } from "node:stream";
import type { FastifyInstance } from "fastify";
import { Refusal } from "../../feed/refusal.ts";
import { isPlatformEngineer } from "../access/register.ts";
import { type AdminContext, findVisibility } from "../context.ts";
import { handle } from "../routing.ts";
import { createCountHub } from "./count-hub.ts";
import { createChangeHub } from "./hub.ts";
import { openChangeStream } from "./stream.ts";

/** Streams that one person may have open, and all people together, at this replica. */
const LIMIT = { person: 16, all: 5000 };

/** Tells the portal which of the caller's accounts have changed, as it happens. */
export function registerChanges(app: FastifyInstance, context: AdminContext): void {
  const hub = createChangeHub(context.database, app.log);
  const countHub = createCountHub(context.database, app.log);
  const open = new Map<PassThrough, string>();
  let isClosing = false;
  app.addHook("preClose", async () => {
    isClosing = true;
    for (const stream of open.keys()) stream.end();
    await Promise.all([hub.stop(), countHub.stop()]);
  });

  handle(app, "Changes_Follow", "person", async asking => {
    const { caller, reply } = asking;
    const visibility = await findVisibility(context, asking);
    // Nobody would end it: it would hold up the end of the api for as long as the token lives.
    if (isClosing) throw new Refusal(503, "RegistryUnavailable", "this replica of the api is about to stop");
    const own = [...open.values()].filter(objectId => objectId === caller.objectId).length;
    if (own >= LIMIT.person || open.size >= LIMIT.all) {
      throw new Refusal(429, "TooManyStreams", "too many change streams are open; close some, or poll");
    }
    const stream = openChangeStream(
      {
        hub,
        countHub,
        isPlatformEngineer: isPlatformEngineer(caller),
        findVisibility: () => findVisibility(context, asking),
        expires: caller.expires,
        onEnd: () => void open.delete(stream),
      },
      visibility,
    );
    open.set(stream, caller.objectId);
    // Some proxies keep answers back to make them whole.
    return reply.type("text/event-stream").header("x-accel-buffering", "no").send(stream);
  });
}
