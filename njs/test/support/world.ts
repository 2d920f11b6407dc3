import { TestFeed } from "./feed.ts";
import { TestGate } from "./gate.ts";
import { TestUpstream } from "./upstream.ts";

/** A feed, the gate that follows it, and the tenants' services behind that. */
export class TestWorld {
  readonly feed: TestFeed;
  readonly gate: TestGate;
  readonly upstream: TestUpstream;

  private constructor(feed: TestFeed, gate: TestGate, upstream: TestUpstream) {
    this.feed = feed;
    this.gate = gate;
    this.upstream = upstream;
  }

  /**
   * Starts all of it, and waits until the table is in force.
   * @param fill says what the registry has
   * @param settings of the gate, over what a test needs anyhow
   */
  static async start(fill: (feed: TestFeed) => void, settings: Record<string, string> = {}): Promise<TestWorld> {
    const feed = await TestFeed.start();
    fill(feed);
    const gate = await TestGate.start(feed, settings);
    const upstream = new TestUpstream(`${gate.dir}/up`);
    await upstream.serve(["contoso", "fabrikam"]);
    return new TestWorld(feed, gate, upstream);
  }

  /** Stops all of it; a feed that hangs would hold the gate back. */
  async stop(): Promise<void> {
    this.feed.resume();
    await this.gate.stop();
    await this.upstream.stop();
    await this.feed.stop();
  }
}
