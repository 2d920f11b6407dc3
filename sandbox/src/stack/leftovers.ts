import { readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { writePrivateFile } from "../private-files.ts";

/** Who uses a state folder, and which processes it started; each as id and start time, for ids are reused. */
interface Record {
  owner: string;
  children: { [part: string]: string };
  /** Outside the state folder. */
  folders: string[];
}

const endLimitMs = 30_000;

/**
 * The claim of one stack on its state folder. A stack that was killed outright leaves its parts running; the next one
 * on the same folder ends them first.
 */
export class StateClaim {
  readonly #file: string;
  readonly #children = new Map<string, string>();
  readonly #folders: string[] = [];

  private constructor(file: string) {
    this.#file = file;
  }

  /** @throws Error where a living stack uses the folder. */
  static async take(folder: string): Promise<StateClaim> {
    const file = join(folder, "stack.pid");
    const left = JSON.parse(await readFile(file, "utf8").catch(() => "null")) as Record | null;
    if (left !== null && isAlive(left.owner)) {
      throw new Error(
        `A stack is running already on ${folder}, as process ${left.owner.split(" ")[0]}. Stop it, or set LINKGATE_STATE_DIR to another folder.`,
      );
    }
    await Promise.all(Object.values(left?.children ?? {}).map(endLeftover));
    for (const path of left?.folders ?? []) await rm(path, { recursive: true, force: true });
    const claim = new StateClaim(file);
    await claim.#write();
    return claim;
  }

  /** Remembers a part's process, in the place of its former one. */
  async note(part: string, pid: number): Promise<void> {
    this.#children.set(part, identify(pid));
    await this.#write();
  }

  /** Remembers a folder that lies elsewhere and goes with the stack. */
  async noteFolder(path: string): Promise<void> {
    this.#folders.push(path);
    await this.#write();
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  async #write(): Promise<void> {
    const children = Object.fromEntries(this.#children);
    const record: Record = { owner: identify(process.pid), children, folders: this.#folders };
    await writePrivateFile(this.#file, JSON.stringify(record));
  }
}

async function endLeftover(identity: string): Promise<void> {
  const pid = Number.parseInt(identity, 10);
  const deadline = Date.now() + endLimitMs;
  for (let signal: NodeJS.Signals = "SIGTERM"; isAlive(identity); ) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    await delay(100);
    if (Date.now() > deadline) signal = "SIGKILL";
  }
}

/** Process id and the start time that the kernel gives; the id alone may belong to another process by now. */
function identify(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return fields?.[0] === "Z" ? `${pid} ended` : `${pid} ${fields?.[19]}`;
  } catch {
    return `${pid} ended`;
  }
}

function isAlive(identity: string): boolean {
  return !identity.endsWith(" ended") && identify(Number.parseInt(identity, 10)) === identity;
}

/** Resolves when no process has that id any more, or another one has it. */
export async function untilEnded(pid: number): Promise<void> {
  const identity = identify(pid);
  while (isAlive(identity)) await delay(20);
}

/** A check to repeat: whether the process that has this id now still runs. */
export function watchProcess(pid: number): () => boolean {
  const identity = identify(pid);
  return () => isAlive(identity);
}
