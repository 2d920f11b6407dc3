import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";

/** The gate's listener for probes, as a supervisor or a kubelet would use it. */
export interface GateProbe {
  /** Resolves when a whole table is in force, of another life than `former` where one is given. */
  untilReady(former?: string): Promise<void>;
  /** The incarnation that NGINX says it is, if it answers. */
  readIncarnation(): Promise<string | undefined>;
}

const limitMs = 120_000;

/** @param statusUrl `http://host:port` of the status listener. */
export function createGateProbe(statusUrl: string): GateProbe {
  const read = async (path: string): Promise<Record<string, unknown> | undefined> => {
    try {
      // A gate whose name was not learned, since the machine stood still, could not be retired, and deletions would wait for it.
      const { statusCode, body } = await request(`${statusUrl}${path}`, { headersTimeout: 20_000, reset: true });
      const page = (await body.json()) as Record<string, unknown>;
      return statusCode === 200 ? page : undefined;
    } catch {
      return undefined;
    }
  };
  const readIncarnation = async (): Promise<string | undefined> => {
    const incarnation = (await read("/status"))?.incarnation;
    return typeof incarnation === "string" ? incarnation : undefined;
  };
  return {
    readIncarnation,
    async untilReady(former) {
      const deadline = Date.now() + limitMs;
      for (;;) {
        const incarnation = await readIncarnation();
        if (incarnation !== undefined && incarnation !== former && (await read("/ready")) !== undefined) return;
        if (Date.now() > deadline) throw new Error(`The gate at ${statusUrl} has no table after ${limitMs / 1000} s.`);
        await delay(50);
      }
    },
  };
}

/**
 * Kills NGINX's master and workers at once, as a crash would, and waits until the last is gone. Does nothing where none
 * runs. NGINX leads a process group of its own, so it outlives a supervisor that was killed.
 *
 * @param runFolder The gate's own, with `nginx.pid`.
 */
export async function killNginx(runFolder: string): Promise<void> {
  const group = Number(await readFile(join(runFolder, "nginx.pid"), "utf8").catch(() => "0"));
  if (!(group > 1) || !isNginx(group)) return;
  process.kill(-group, "SIGKILL");
  while (isNginx(group)) await delay(10);
}

/** Whether a process of that group calls itself NGINX; a group's id may belong to somebody else by now. */
function isNginx(group: number): boolean {
  return readdirSync("/proc").some(name => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const [state, , groupOf] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      if (Number(groupOf) !== group || state === "Z" || state === "X") return false;
      return /nginx/.test(readFileSync(`/proc/${name}/cmdline`, "utf8"));
    } catch {
      return false; // Ended in between.
    }
  });
}

/** Vouches at the api that an incarnation is gone (feed rules 11 and 25). Only who has seen its last process end may. */
export async function retireIncarnation(admin: {
  url: string;
  ca: string;
  token: string;
  incarnation: string;
}): Promise<void> {
  const agent = new Agent({ connect: { ca: admin.ca } });
  try {
    const { statusCode, body } = await agent.request({
      origin: admin.url,
      path: `/admin/v1/gates/${admin.incarnation}/retire`,
      method: "POST",
      headers: { authorization: `Bearer ${admin.token}` },
    });
    await body.dump();
    if (statusCode >= 400) throw new Error(`the api refused to retire the gate, with HTTP status ${statusCode}`);
  } finally {
    await agent.destroy();
  }
}
