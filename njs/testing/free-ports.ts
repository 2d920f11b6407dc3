import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

const LOWEST = 10_000;
const BLOCK_SIZE = 20;
/** So many blocks stay this process's own; it has long been done with those that it asked for before. */
const MOST_HELD = 100;
const holders: Server[] = [];
let asked = 0;

/**
 * Finds so many ports, at most 19, that are free on 127.0.0.1. They lie below those that the kernel gives to outgoing
 * connections, and whoever else asks here does not get them while this process runs: none is lost before it is listened on, nor
 * while its owner restarts.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const blocks = Math.floor((readLowestOutgoingPort() - LOWEST) / BLOCK_SIZE);
  for (let attempt = 0; attempt < blocks; attempt++) {
    // Each process looks in another place first.
    const first = LOWEST + ((process.pid * 7 + asked++) % blocks) * BLOCK_SIZE;
    // Whoever listens on the first port of a block has the others.
    const holder = createServer().unref();
    if (!(await canListen(holder, first))) continue;
    const ports = Array.from({ length: count }, (_, index) => first + 1 + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) {
      holders.push(holder);
      if (holders.length > MOST_HELD) holders.shift()?.close();
      return ports;
    }
    holder.close();
  }
  throw new Error(`There are no ${count} free ports from ${LOWEST} on.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  if (!(await canListen(server, port))) return false;
  await new Promise(resolve => server.close(resolve));
  return true;
}

/** Listens, unless somebody else does. */
function canListen(server: Server, port: number): Promise<boolean> {
  return new Promise(resolve => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
}

function readLowestOutgoingPort(): number {
  try {
    const low = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/)[0]);
    return low > LOWEST + 1000 ? low : 32_768;
  } catch {
    return 32_768;
  }
}
