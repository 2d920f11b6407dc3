import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The kernel takes the address away by itself, should nobody else be left to do it. */
const lifetime = ["valid_lft", "3600", "preferred_lft", "3600"];
/** Without a search for duplicates, during which an address can't be bound. */
const atOnce = "nodad";

/** Whether a request can come straight from a link address, without PROXY protocol, and why not where it can't. */
export interface DirectWay {
  /** Makes the address usable on this machine; tells why where that is impossible. */
  open(address: string): Promise<string | undefined>;
  /** Takes away every address that `open` gave the machine. */
  close(): Promise<void>;
}

/** @param listensOnIPv6 Whether the gate's direct listener can be reached from an IPv6 address at all. */
export function createDirectWay(listensOnIPv6: boolean): DirectWay {
  const added = new Set<string>();
  return {
    async open(address) {
      if (!listensOnIPv6) return "this machine has no IPv6";
      if (added.has(address) || (await tryBind(address)) === undefined) return undefined;
      try {
        await run("ip", ["-6", "addr", "add", `${address}/128`, "dev", "lo", ...lifetime, atOnce]);
        added.add(address);
      } catch (error) {
        return explain(error as NodeJS.ErrnoException & { stderr?: string });
      }
      const refusal = await tryBind(address);
      return refusal === undefined ? undefined : `lo took a link address, but it can't be bound (${refusal})`;
    },
    async close() {
      for (const address of added) await run("ip", ["-6", "addr", "del", `${address}/128`, "dev", "lo"]);
      added.clear();
    },
  };
}

/** The error code where an address can't be bound. */
async function tryBind(address: string): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host: address, port: 0, ipv6Only: true });
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  } finally {
    server.close();
  }
}

function explain(error: NodeJS.ErrnoException & { stderr?: string }): string {
  if (error.code === "ENOENT") return "a link address can't be bound here, and there is no ip command to add it to lo";
  const said = error.stderr?.trim().split("\n")[0] ?? error.message;
  return `a link address can't be added to lo: ${said}`;
}
