import { afterAll, beforeAll, beforeEach, onTestFailed } from "vitest";
import { type EnvoyGate, startEnvoy } from "../../gates/envoy.ts";
import { type GateSettings, RecordingUpstream, TestFeed } from "../../gates/index.ts";

/** An Envoy with the feed that it follows and the services behind it. */
export interface EnvoyWorld {
  readonly feed: TestFeed;
  readonly upstream: RecordingUpstream;
  readonly gate: EnvoyGate;
}

/** What the feed says of accounts at first, each of which has a service. */
export type Accounts = Readonly<Record<string, readonly [access: "enabled" | "disabled", linkIds: readonly number[]]>>;

/**
 * Brings an Envoy up before the tests of a file, and down after them; a test that fails prints what it said.
 * @param settings of the gate @param env settings of its supervisor that are Envoy's alone, by variable
 */
export function useEnvoy(
  accounts: Accounts,
  settings: Partial<GateSettings> = {},
  env: () => Record<string, string> = () => ({}),
): EnvoyWorld {
  let feed: TestFeed;
  let upstream: RecordingUpstream;
  let gate: EnvoyGate;

  beforeAll(async () => {
    feed = await TestFeed.start();
    for (const [account, [access, linkIds]] of Object.entries(accounts)) feed.set(account, access, linkIds);
    upstream = new RecordingUpstream();
    await upstream.serve(Object.keys(accounts));
    gate = await startEnvoy(
      { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, ...settings },
      env(),
    );
  });
  beforeEach(() => onTestFailed(() => console.log(gate.explain())));
  afterAll(async () => {
    await gate?.stop();
    await upstream?.stop();
    await feed?.stop();
  });

  return {
    get feed() {
      return feed;
    },
    get upstream() {
      return upstream;
    },
    get gate() {
      return gate;
    },
  };
}
