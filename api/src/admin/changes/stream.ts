import { PassThrough } from "node:stream";
import { isVisible, type Visibility } from "../access/visibility.ts";
import type { Counted, CountHub } from "./count-hub.ts";
import type { ChangedAccount, ChangeHub } from "./hub.ts";

/** Seconds between signs of life, and between looks at what the person may see. */
const HEARTBEAT = 15;
/** Bytes that a client may be behind with reading before it is hung up on. */
const BACKLOG = 64 * 1024;

export interface StreamOptions {
  readonly hub: ChangeHub;
  readonly countHub: CountHub;
  /** Then host names that are no account are the person's too. */
  readonly isPlatformEngineer: boolean;
  /** Cheap to ask: kept for as long as a permission is believed. */
  readonly findVisibility: () => Promise<Visibility>;
  /** Seconds since 1970; the stream lives no longer than the token. */
  readonly expires: number;
  readonly onEnd: () => void;
}

/**
 * A stream of server-sent events for one person: `ready` when everything is to be read (again), `changed` with the names
 * of the person's accounts that have changed, `counted` with those that the gates have told of requests to. What is not the person's is never named.
 */
export function openChangeStream(options: StreamOptions, first: Visibility): PassThrough {
  const stream = new PassThrough();
  let visibility = first;
  let queue = Promise.resolve();

  const write = (text: string): void => {
    if (stream.writableEnded || stream.destroyed) return;
    stream.write(text);
    if (stream.writableLength > BACKLOG) stream.destroy();
  };
  /** One after the other, so that no event overtakes another. */
  const enqueue = (work: () => Promise<void>): void => {
    queue = queue.then(work).catch(() => void stream.end());
  };
  const refresh = async (): Promise<void> => {
    const now = await options.findVisibility();
    if (!isSame(visibility, now)) write(event("ready", {}));
    visibility = now;
  };
  const tell = async (changed: readonly ChangedAccount[] | undefined): Promise<void> => {
    await refresh();
    if (changed === undefined) return write(event("ready", {}));
    const accounts = namesOf(changed);
    if (accounts.length > 0) write(event("changed", { accounts }));
  };
  const tellCounted = async (counted: Counted | undefined): Promise<void> => {
    await refresh();
    if (counted === undefined) return write(event("ready", {}));
    const accounts = namesOf(counted.accounts);
    if (accounts.length > 0 || (counted.unknown && options.isPlatformEngineer)) write(event("counted", { accounts }));
  };
  const namesOf = (places: readonly ChangedAccount[]): string[] => {
    const accounts = places.filter(place => isVisible(visibility, place)).map(place => place.account);
    return [...new Set(accounts)].sort();
  };

  const leaves = [
    options.hub.listen(changed => enqueue(() => tell(changed))),
    options.countHub.listen(counted => enqueue(() => tellCounted(counted))),
  ];
  const heartbeat = setInterval(() => {
    enqueue(refresh);
    write(":\n\n");
  }, HEARTBEAT * 1000);
  const end = setTimeout(() => stream.end(), Math.max(0, options.expires * 1000 - Date.now()));
  stream.once("close", () => {
    for (const leave of leaves) leave();
    clearInterval(heartbeat);
    clearTimeout(end);
    options.onEnd();
  });
  write(event("ready", {}));
  return stream;
}

const event = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

function isSame(one: Visibility, other: Visibility): boolean {
  const parts = ["subscriptions", "groups", "accounts"] as const;
  return parts.every(
    part => one[part].size === other[part].size && [...one[part]].every(scope => other[part].has(scope)),
  );
}
