import { isDeepStrictEqual } from "node:util";
import type { ConnectionStatus } from "../database/schema.ts";
import type { NrpProxy } from "../nrp/client.ts";

/** What the registry says of a connection, as far as NRP can confirm it. */
export interface Registered {
  readonly accountId: string;
  readonly status: ConnectionStatus;
  readonly linkIds: readonly number[];
}

/**
 * What has to be done with a connection. `keep`: nothing. `disconnect`: it is deleted, as NRP would. `correct`: the
 * endpoint stays, with the link ids that NRP gives, and without an approval that NRP does not know of.
 */
export type Verdict =
  | { readonly kind: "keep"; readonly remark?: string }
  | { readonly kind: "disconnect"; readonly reason: string }
  | { readonly kind: "correct"; readonly reason: string; readonly withdraw: boolean; readonly linkIds: number[] };

/**
 * Compares a connection of a restored registry with what NRP knows of it. Where they differ NRP is believed as far as
 * it takes something away, and never where it would admit: an approval comes from an account's owner alone.
 */
export function judge(registered: Registered, proxy: NrpProxy | undefined): Verdict {
  if (proxy === undefined) return { kind: "disconnect", reason: "NRP no longer has the endpoint" };
  if (proxy.accountId.toLowerCase() !== registered.accountId.toLowerCase()) {
    return { kind: "disconnect", reason: "NRP has the endpoint for another account" };
  }
  if (proxy.status === "Disconnected") return { kind: "disconnect", reason: "NRP knows it as Disconnected" };
  const withdraw = registered.status === "Approved" && proxy.status !== "Approved";
  const isOtherLink = !isDeepStrictEqual(registered.linkIds, proxy.linkIds);
  if (withdraw || isOtherLink) {
    const reasons = [
      ...(withdraw ? [`NRP knows it as ${proxy.status}`] : []),
      ...(isOtherLink ? [`NRP has ${listIds(proxy.linkIds)}, the registry had ${listIds(registered.linkIds)}`] : []),
    ];
    return { kind: "correct", reason: reasons.join("; "), withdraw, linkIds: [...proxy.linkIds] };
  }
  if (proxy.status === registered.status) return { kind: "keep" };
  return {
    kind: "keep",
    remark: `it is ${registered.status} here and ${proxy.status} at NRP; its account's owner decides`,
  };
}

const listIds = (ids: readonly number[]): string => (ids.length === 0 ? "no link id" : `link id ${ids.join(", ")}`);
