import { linkAddress } from "@linkgate/njs/testing";
import type { FakeCall, FakeOutcome, FakeVm } from "../../testing/fake-envoy.ts";
import { FakeGate } from "./gate.ts";

export const ZONE = "azurehealthcareapis.com";
/** The account of {@link ReportingGate.make}, and its link. */
export const HOST = `contoso.privatelink.${ZONE}`;
export const SOURCE = linkAddress(17, "10.1.1.4");

/** A gate whose polls hang, and whose reports are taken one by one. */
export class ReportingGate extends FakeGate {
  /** One that has a table: contoso with a link, fabrikam without any. */
  static make(): ReportingGate {
    const gate = new ReportingGate();
    gate.load("+contoso\t5\tenabled\t17", "+fabrikam\t1\tdisabled\t");
    return gate;
  }

  /** Lets seconds pass, tick by tick. */
  pass(seconds: number, vm: FakeVm = this.vm, root = this.root): void {
    for (let time = 0; time < seconds * 10; time++) {
      this.envoy.advance(0.1);
      vm.tick(root);
    }
  }

  /** The report under way, which there must be. It is answered with the status, if there is one. */
  takeReport(status?: number): FakeCall {
    const report = this.envoy.reports.shift();
    if (report === undefined) throw new Error("the filter has reported nothing");
    if (status !== undefined) report.answer(status, "");
    return report;
  }

  /** Has the first, empty report taken, so that the next one is of what is counted from here on. */
  begin(): void {
    this.pass(0.2);
    this.takeReport(204);
  }

  /** A request, which ends after so many bytes; null leaves it open. @param head headers beside or instead of the usual ones */
  send(host = HOST, bytes: number | null = 100, source = SOURCE, head: Record<string, string> = {}): FakeOutcome {
    const headers = Object.entries({ ":authority": host, ":path": "/Patient", ":method": "GET", ...head });
    return this.vm.request(this.root, { headers, properties: { "source\0address": `[${source}]:50000` }, bytes });
  }
}

/** The lines of a report, sorted. */
export function linesOf(report: FakeCall): string[] {
  return report.body.split("\n").slice(0, -1).sort();
}
