import type { AddressInfo, Server } from "node:net";

/** Listens on 127.0.0.1, on a free port unless one is given, and gives the port back. */
export async function listenOnLoopback(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Stops accepting, ends idle and running connections, and resolves when the last one is gone. */
export async function closeServer(server: Server & { closeAllConnections?: () => void }): Promise<void> {
  await new Promise<void>(resolve => {
    server.close(() => resolve());
    server.closeAllConnections?.();
  });
}
