import { isIP } from "node:net";

/** The shortest prefixes that a load balancer's subnet has: anything wider believes whole networks. */
const SHORTEST = { 4: 16, 6: 48 } as const;

/** True for a network that is wider than load balancers are (`0.0.0.0/0`, `::/0`), or a name, which anybody may change. */
export function isTooWide(network: string): boolean {
  if (network === "unix:") return false; // the machine's own sockets
  const [address = "", bits, ...more] = network.split("/");
  const version = isIP(address);
  if ((version !== 4 && version !== 6) || more.length > 0) return true;
  if (bits === undefined) return false;
  return !/^\d{1,3}$/.test(bits) || Number(bits) < SHORTEST[version];
}
