import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";

/** The gate's listener for probes, as a supervisor or a kubelet would use it. */
export interface GateProbe {
  /** Resolves when a whole table is in force, of another life than `former` where one is given. */
  untilReady(former?: string): Promise<void>;
  /** The incarnation that NGINX says it is, if it answers. */
  readIncarnation(): Promise<string | undefined>;
}

const limitMs = 30_000;

/** @param statusUrl `http://host:port` of the status listener. */
export function createGateProbe(statusUrl: string): GateProbe {
  const read = async (path: string): Promise<Record<string, unknown> | undefined> => {
    try {
      const { statusCode, body } = await request(`${statusUrl}${path}`, { headersTimeout: 2000, reset: true });
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
        if (Date.now() > deadline) throw new Error(`The NGINX gate has no table after ${limitMs / 1000} s.`);
        await delay(50);
      }
    },
  };
}

/**
 * Kills NGINX's master and workers as a crash would, under a supervisor that lives on.
 *
 * @param runFolder The gate's own, with `nginx.pid`.
 */
export async function killNginx(runFolder: string): Promise<void> {
  const master = Number(await readFile(join(runFolder, "nginx.pid"), "utf8"));
  const workers = await readFile(`/proc/${master}/task/${master}/children`, "utf8");
  for (const pid of [master, ...workers.trim().split(" ").filter(Boolean).map(Number)]) process.kill(pid, "SIGKILL");
}
