import { Zones } from "@linkgate/core";
import { linkAddress } from "@linkgate/njs/testing";
import { ZONE } from "../gates/index.ts";
import type { World } from "./reference.ts";

/** The link of contoso, of fabrikam, and one that is nobody's. */
export const LINKS = { contoso: 822088585, fabrikam: 17, nobody: 302085607 } as const;

/** Where a private endpoint's traffic comes from. */
export const LINK_ADDRESSES = {
  contoso: linkAddress(LINKS.contoso, "10.1.1.4"),
  fabrikam: linkAddress(LINKS.fabrikam, "10.2.0.5"),
  nobody: linkAddress(LINKS.nobody, "10.10.0.5"),
} as const;

/** Entries of the account table. litware has a service and no account; gone was removed. */
export const ENTRIES: ReadonlyMap<string, string> = new Map([
  ["contoso", `disabled\t${LINKS.contoso}\t1`],
  ["fabrikam", `enabled\t${LINKS.fabrikam}\t1`],
  ["northwind", "enabled\t\t1"],
  ["tailspin", "disabled\t\t1"],
  ["gone", "removed\t\t1"],
]);

/** Everybody with a service, so that a request that goes astray is seen. */
export const SERVICES = [...ENTRIES.keys(), "litware"];

/** The world that attackers find. */
export function makeWorld(linkTlv: World["linkTlv"]): World {
  const zones = new Zones();
  if (!zones.add(ZONE.public, ZONE.private)) throw new Error("the zones of the tests are none");
  return { zones, entries: ENTRIES, linkTlv };
}
