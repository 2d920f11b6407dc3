import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createServer, isIPv6 } from "node:net";

const added: string[] = [];

/**
 * Makes sure that a connection can come from this address: it is added to the loopback interface if need be, which takes root.
 * @returns false where that is not possible
 */
export async function lendAddress(address: string): Promise<boolean> {
  if (await canBind(address)) return true;
  // Without "nodad" an IPv6 address is tentative, and can't be bound, until the kernel gets round to it.
  const network = isIPv6(address) ? [`${address}/128`, "nodad"] : [`${address}/32`];
  try {
    execFileSync("ip", ["addr", "add", ...network, "dev", "lo"], { stdio: "pipe" });
    // Other files of a run may come to use it, too: the run's end takes it away (lent-addresses.ts).
    const ofRun = process.env.LINKGATE_LENT_ADDRESSES;
    if (ofRun === undefined) added.push(address);
    else appendFileSync(ofRun, `${address}\n`);
  } catch {
    // Not root, no ip, or somebody else was faster.
  }
  return canBind(address);
}

/** Takes away what {@link lendAddress} added, unless that is left to the end of a whole run. */
export function returnAddresses(): void {
  for (const address of added.splice(0)) removeAddress(address);
}

/** Takes an address off the loopback interface. */
export function removeAddress(address: string): void {
  execFileSync("ip", ["addr", "del", `${address}/${isIPv6(address) ? 128 : 32}`, "dev", "lo"], { stdio: "pipe" });
}

function canBind(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });
}
