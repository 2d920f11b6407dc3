import { createServer } from "node:net";
import { closeServer, listenOnLoopback } from "./listener.ts";

/** Finds a port that is free on 127.0.0.1 now; somebody else may take it before it is used, which then fails loudly. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  await closeServer(server);
  return port;
}

/** Finds so many different free ports. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(server => listenOnLoopback(server)));
  await Promise.all(servers.map(server => closeServer(server)));
  return ports;
}
