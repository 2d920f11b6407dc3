import { envoy } from "./envoy.ts";
import type { GateKind } from "./gate.ts";
import { nginx } from "./nginx.ts";

export { TestFeed } from "../../njs/test/support/feed.ts";
export { lendAddress } from "../../njs/test/support/source-address.ts";
export { until } from "../../njs/test/support/until.ts";
export {
  type GateKind,
  type GatePart,
  type GateProcesses,
  type GateSettings,
  type GateState,
  type GateUnderTest,
  startGate,
  ZONE,
} from "./gate.ts";
export { RecordingUpstream, type UpstreamRequest } from "./upstream.ts";

/** Every gate, which must stand the same tests: `describe.each(gates)("$name", kind => ...)`. */
export const gates: readonly GateKind[] = [nginx, envoy];

/** The gate of that name. @throws Error when there is none */
export function findGate(name: string, among = gates): GateKind {
  const kind = among.find(each => each.name === name);
  if (kind === undefined) throw new Error(`gates: ${among.map(each => each.name).join(", ")}`);
  return kind;
}
