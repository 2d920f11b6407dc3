import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { closeServer, listenOnLoopback } from "./listener.ts";

const lowest = 10_000;
const blockSize = 20;
let taken = 0;

/**
 * Finds so many ports, at most 20, that are free on 127.0.0.1. They lie below those that the kernel gives to outgoing
 * connections, so that none is lost while its owner restarts; and each process looks in another place first, so that
 * two that start together do not choose the same.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const blocks = Math.floor((readLowestOutgoingPort() - lowest) / blockSize);
  for (let attempt = 0; attempt < blocks; attempt++) {
    const block = (process.pid * 7 + taken++) % blocks;
    const ports = Array.from({ length: count }, (_, index) => lowest + block * blockSize + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
  throw new Error(`There are no ${count} free ports from ${lowest} on.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await listenOnLoopback(server, port);
    await closeServer(server);
    return true;
  } catch {
    return false;
  }
}

function readLowestOutgoingPort(): number {
  try {
    const low = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/)[0]);
    return low > lowest + 1000 ? low : 32_768;
  } catch {
    return 32_768;
  }
}
