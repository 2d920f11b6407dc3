import { linkAddress } from "@linkgate/njs/testing";
import type { FakeVm } from "../../testing/fake-envoy.ts";
import { FakeGate, numberOf } from "./gate.ts";

/** The account of {@link ADMITTED}, and its link. */
export const HOST = "contoso.privatelink.azurehealthcareapis.com";
export const LINK = 17;
export const ADMITTED = "+contoso\t5\tenabled\t17";
export const REVOKED = "+contoso\t6\tenabled\t";

/** A page of these lines, each without its LF. */
export function page(...lines: string[]): string {
  return [...lines, ""].join("\n");
}

/** A gate whose follower is called and answered call by call, with clocks as the test wants them. */
export class FollowingGate extends FakeGate {
  /** The status that a client of the link gets. */
  statusOf(source = linkAddress(LINK, "10.1.1.4"), host = HOST): number {
    return this.ask(source, host).answer?.status ?? 200;
  }

  /** Lets time pass, tick by tick, until a follower calls. */
  untilCalled(vm: FakeVm = this.vm, root = this.root): void {
    for (let time = 0; this.envoy.calls.length === 0; time += 0.1) {
      if (time > 30) throw new Error("nobody calls the feed");
      this.envoy.advance(0.1);
      vm.tick(root);
    }
  }

  /** Lets seconds pass, tick by tick. */
  pass(seconds: number): void {
    for (let time = 0; time < seconds; time += 0.5) {
      this.envoy.advance(0.5);
      this.vm.tick(this.root);
    }
  }

  /** How often something went wrong with the feed. */
  get failures(): number {
    return this.envoy.shared.get(`${numberOf()}failure`)?.value.readUInt32LE() ?? 0;
  }
}
