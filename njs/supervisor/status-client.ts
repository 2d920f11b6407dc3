import { type ClientRequest, get } from "node:http";

/** What the supervisor reads from the gate's status page; the page has more, for people. */
export type GateStatus = {
  readonly njs: string;
  readonly njsNumber: number;
  readonly incarnation: string;
  /** The name that its supervisor gave to the process that answers. */
  readonly launch: string;
};

/**
 * Asks the status listener.
 * @param listen as in `LINKGATE_STATUS_LISTEN`
 * @param path `/live`, `/ready` or `/status`
 * @param deadlineMs milliseconds for the whole answer
 * @throws Error when there is no whole answer in time
 */
export function askStatus(listen: string, path: string, deadlineMs: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request: ClientRequest = get({ ...addressOf(listen), path, agent: false }, response => {
      let body = "";
      response.setEncoding("utf8").on("data", text => {
        body += text;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.once("error", reject);
    });
    request.once("error", reject);
    const giveUp = () => request.destroy(new Error(`no answer to ${path} in ${deadlineMs} ms`));
    // An answer that came while this process itself stood still is read first, and then there is nothing to give up.
    const timer = setTimeout(() => setImmediate(giveUp), deadlineMs);
    request.once("close", () => clearTimeout(timer));
  });
}

/** True if the gate is live: a worker answered, and it could read the table. */
export async function isLive(listen: string, deadlineMs: number): Promise<boolean> {
  return askStatus(listen, "/live", deadlineMs).then(
    answer => answer.status === 200,
    () => false,
  );
}

/** Reads the status page; null when it can't be had. */
export async function readStatus(listen: string, deadlineMs: number): Promise<GateStatus | null> {
  try {
    const answer = await askStatus(listen, "/status", deadlineMs);
    return answer.status === 200 ? (JSON.parse(answer.body) as GateStatus) : null;
  } catch {
    return null;
  }
}

/** How to reach a `listen` address from this machine. */
function addressOf(listen: string): { socketPath: string } | { host: string; port: number } {
  const [address = ""] = listen.split(" ");
  if (address.startsWith("unix:")) return { socketPath: address.slice(5) };
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/[[\]]/g, "");
  const loopback: Record<string, string> = { "::": "::1", "0.0.0.0": "127.0.0.1", "*": "127.0.0.1" };
  return { host: loopback[host] ?? host, port: Number(address.slice(colon + 1)) };
}
