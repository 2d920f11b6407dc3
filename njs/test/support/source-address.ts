import { execFileSync } from "node:child_process";
import { createServer, isIPv6 } from "node:net";

/** Longer than any run of tests. */
const SECONDS = 6 * 3600;
const asked = new Set<string>();

/**
 * Makes sure that a connection can come from this address: it is added to the loopback interface if need be, which takes root.
 * Nobody takes it away, since other runs may use it; the kernel does, some hours after the last one that asked.
 * @returns false where that is not possible
 */
export async function lendAddress(address: string): Promise<boolean> {
  if (!asked.has(address) && (isLent(address) || !(await canBind(address)))) add(address);
  asked.add(address);
  return canBind(address);
}

function add(address: string): void {
  // Without "nodad" an IPv6 address is tentative, and can't be bound, until the kernel gets round to it. One that is not
  // preferred is the source of no connection that does not ask for it.
  const network = isIPv6(address) ? [`${address}/128`, "nodad"] : [`${address}/32`];
  const life = ["valid_lft", String(SECONDS), "preferred_lft", "0"];
  try {
    execFileSync("ip", ["addr", "replace", ...network, ...life, "dev", "lo"], { stdio: "pipe" });
  } catch {
    // Not root, or no ip.
  }
}

/** True for an address that is there for a time. */
function isLent(address: string): boolean {
  try {
    const shown = execFileSync("ip", ["-o", "addr", "show", "to", address], { encoding: "utf8", stdio: "pipe" });
    return / valid_lft \d+sec /.test(shown);
  } catch {
    return false; // no ip
  }
}

function canBind(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });
}
