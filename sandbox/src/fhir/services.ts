import { chmod, mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeServer, listenOnLoopback } from "../listener.ts";
import { createFhirService } from "./service.ts";

/** The sample FHIR services of a sandbox: one for each account, on a unix socket named after it. */
export interface FhirServices {
  /** Where `{account}.sock` appears, at most 60 characters. */
  folder: string;
  /** One more on a TCP port, for tools that bring their own gate; it answers for no account. */
  url: string;
  /** Starts the account's service unless it runs already. */
  start(account: string): Promise<void>;
  /** Stops the account's service if there is one. */
  stop(account: string): Promise<void>;
  close(): Promise<void>;
}

/** Linux' `sun_path` holds 107 characters; an account has at most 24. */
const longestFolder = 60;

/** Starts with no account; the folder lies in the system's temporary folder, whose path is short. */
export async function startFhirServices(): Promise<FhirServices> {
  const parent = tmpdir().length + 16 <= longestFolder ? tmpdir() : "/tmp";
  const folder = await mkdtemp(join(parent, "lg-fhir-"));
  // NGINX's workers may run as another user than the sandbox.
  await chmod(folder, 0o711);
  const running = new Map<string, Promise<Server>>();
  const shared = createFhirService(null);
  const port = await listenOnLoopback(shared);

  const stop = async (account: string): Promise<void> => {
    const server = running.get(account.toLowerCase());
    running.delete(account.toLowerCase());
    if (server) await closeServer(await server);
  };
  return {
    folder,
    url: `http://127.0.0.1:${port}`,
    async start(account) {
      const name = account.toLowerCase();
      if (!/^[a-z0-9-]{1,63}$/.test(name)) throw new Error(`"${account}" is no account name.`);
      let server = running.get(name);
      if (!server) {
        server = listenOnSocket(createFhirService(name), join(folder, `${name}.sock`));
        running.set(name, server);
        server.catch(() => running.delete(name));
      }
      await server;
    },
    stop,
    async close() {
      await Promise.all([...running.keys()].map(stop));
      await closeServer(shared);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listenOnSocket(server: Server, path: string): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
  await chmod(path, 0o666);
  return server;
}
