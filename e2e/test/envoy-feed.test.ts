import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, linkAddress, type RawResponse, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test } from "vitest";
import { type Certificates, createCertificates, type Identity } from "../../sandbox/src/certificates.ts";
import { createEnvoy, type EnvoyGate, startEnvoy } from "../gates/envoy.ts";
import { RecordingUpstream, TestFeed, until, ZONE } from "../gates/index.ts";

// The feed over TLS: whom the gate on Envoy tells its token, and how that is changed.

const LINK = 822088585;
const ADMITTED = writeProxyHeader({ source: linkAddress(LINK, "10.1.1.4") });

let folder: string;
let own: Certificates;
let ca: string;
let otherCa: string;
let feed: TestFeed;
let upstream: RecordingUpstream;
let gate: EnvoyGate | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lg-feed-"));
  own = await createCertificates(join(folder, "own"));
  ca = own.caFile;
  otherCa = (await createCertificates(join(folder, "other"))).caFile;
  feed = await TestFeed.start(identify(own.server));
  feed.set("contoso", "disabled", [LINK]);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso"]);
});
afterEach(async () => {
  await gate?.stop();
  gate = undefined;
});
afterAll(async () => {
  await upstream?.stop();
  await feed?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const identify = ({ certificate, key }: Identity) => ({ cert: certificate, key });

const settings = (url: string, feedCaFile: string) => ({
  feedUrl: url,
  feedCaFile,
  feedToken: feed.token,
  upstreamDir: upstream.dir,
});

function send(target: string): Promise<RawResponse> {
  return exchange((gate as EnvoyGate).endpoints.proxy, { host: `contoso.${ZONE.private}`, target }, ADMITTED);
}

async function ask(target = "/"): Promise<number> {
  return (await send(target)).status;
}

/** Puts a token in the file's place. */
function replaceToken(of: EnvoyGate, text: string): void {
  writeFileSync(`${of.tokenFile}.new`, text);
  renameSync(`${of.tokenFile}.new`, of.tokenFile);
}

/** Waits until the supervisor has read the token's file: it does before each probe, of which one may be under way. */
async function untilTokenWasRead(of: EnvoyGate): Promise<void> {
  const countProbes = () => of.sumStats("^http.linkgate_status.downstream_rq_completed$");
  const before = await countProbes();
  await until(
    async () => (await countProbes()) >= before + 2,
    () => "the supervisor does not probe",
  );
}

test("a feed with the name and the authority that were asked for is followed", async () => {
  gate = await startEnvoy(settings(feed.url, ca));
  expect(await ask()).toBe(200);
});

const localhostAlone = join(import.meta.dirname, "../../njs/test/support/tls");

/** Feeds that must hear nothing: their certificate, where they are, and the authority that the gate trusts. */
const STRANGERS: Record<string, () => [tls: { cert: string; key: string }, host: string, caFile: string]> = {
  "with a certificate of another authority": () => [identify(own.server), "localhost", otherCa],
  "with a certificate that its authority made for another purpose": () => [identify(own.arm), "localhost", ca],
  "with a certificate of another name": () => [
    {
      cert: readFileSync(join(localhostAlone, "feed.pem"), "utf8"),
      key: readFileSync(join(localhostAlone, "feed.key"), "utf8"),
    },
    "127.0.0.1",
    join(localhostAlone, "ca.pem"),
  ],
};
test.for(Object.entries(STRANGERS))(
  "a feed %s hears nothing; private hosts get 503, health checks 200",
  async ([, of]) => {
    const [tls, host, file] = of();
    const stranger = await TestFeed.start(tls);
    gate = await createEnvoy(settings(stranger.url.replace("localhost", host), file));
    onTestFailed(() => console.log(gate?.explain()));
    try {
      await gate.launch();
      await gate.whenState(state => (state.lastFailure?.count ?? 0) >= 3);
      const refused = await send("/");
      expect(refused.status).toBe(503);
      expect(Number(refused.header("retry-after"))).toBeGreaterThan(0);
      expect(await ask("/health/check")).toBe(200);
      expect(await gate.isReady()).toBe(false);
      expect(stranger.polls).toEqual([]);
      // It was reached: what kept it from being heard is its certificate.
      expect(await gate.sumStats("cluster.linkgate_feed.ssl.fail_verify")).toBeGreaterThan(0);
    } finally {
      await stranger.stop();
    }
  },
);

test("a token is rotated without a restart and without a poll that is refused; no file or page but one has it", async () => {
  gate = await startEnvoy(settings(feed.url, ca));
  onTestFailed(() => console.log(gate?.explain()));
  const { incarnation } = await gate.readState();
  feed.tokens.add("second-token");
  replaceToken(gate, "second-token\n");
  // While it changes, every change of the registry is in force as fast as ever.
  for (let id = 1; feed.polls.at(-1)?.token !== "second-token"; id++) {
    feed.set("contoso", "disabled", id % 2 === 0 ? [LINK] : []);
    await feed.acknowledged();
    expect(await ask()).toBe(id % 2 === 0 ? 200 : 403);
  }
  feed.tokens.delete(feed.token);
  const from = feed.polls.length;
  feed.set("contoso", "disabled", [LINK]);
  await feed.acknowledged();
  expect(await ask()).toBe(200);

  // A file that is empty, or is no token, changes nothing.
  for (const text of ["", "\n", "two words\n"]) {
    replaceToken(gate, text);
    await untilTokenWasRead(gate);
    feed.wakeAll();
    await feed.acknowledged();
  }
  expect(new Set(feed.polls.slice(from).map(({ token }) => token))).toEqual(new Set(["second-token"]));
  const { lastFailure, ...state } = await gate.readState();
  expect(state).toMatchObject({ incarnation, table: "current" });
  expect(lastFailure?.text ?? "").not.toContain("401");
  feed.tokens.add(feed.token);

  const pages = ["/config_dump?include_eds", "/stats", "/clusters", "/listeners", "/certs", "/server_info"];
  for (const page of pages) expect(await gate.readAdmin(page), page).not.toContain("second-token");
  for (const name of readdirSync(join(gate.dir, "run"))) {
    const file = join(gate.dir, "run", name);
    if (!statSync(file).isFile()) continue;
    const hasToken = readFileSync(file, "latin1").includes("second-token");
    expect(hasToken, name).toBe(name === "feed-token.yaml");
    if (hasToken) expect(statSync(file).mode & 0o777).toBe(0o600);
  }
});

test("a token that the feed does not know is no way to the table; the right one is", async () => {
  gate = await createEnvoy({ ...settings(feed.url, ca), feedToken: "guessed" });
  onTestFailed(() => console.log(gate?.explain()));
  await gate.launch();
  await gate.whenState(state => state.lastFailure?.text === "the feed answered 401");
  expect(await ask()).toBe(503);
  replaceToken(gate, feed.token);
  await gate.whenState(state => state.table === "current");
  expect(await ask()).toBe(200);
});

test("without a token the gate does not start, and says so", async () => {
  gate = await createEnvoy({ ...settings(feed.url, ca), feedToken: "" });
  await expect(gate.launch()).rejects.toThrow("there is no token for the feed");
});
