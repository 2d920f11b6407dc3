import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, linkAddress, RawConnection, writeProxyHeader, writeRequest } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, onTestFinished, test } from "vitest";
import { buildEmptyFilter, buildFilter } from "../../envoy-filter/build.ts";
import { createEnvoy, type EnvoyGate, startEnvoy } from "../gates/envoy.ts";
import { RecordingUpstream, TestFeed, until, ZONE } from "../gates/index.ts";

// What Envoy can't load admits nobody at the start, and changes nothing later on.

const LINK = 822088585;
const HOST = `contoso.${ZONE.private}`;
const TEMPLATES = join(import.meta.dirname, "../../deploy/envoy");

let folder: string;
let feed: TestFeed;
let upstream: RecordingUpstream;
let gate: EnvoyGate;
let filter: string;

/** The settings of every gate here. */
const settings = () => ({ feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, workers: 2 });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lg-update-"));
  filter = join(folder, "linkgate.wasm");
  copyFileSync(buildFilter(), filter);
  feed = await TestFeed.start();
  feed.set("contoso", "disabled", [LINK]);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso"]);
});
afterAll(async () => {
  await gate?.stop();
  await upstream?.stop();
  await feed?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** Writes a module that Envoy can't use. @returns its file */
function writeBadModule(kind: string): string {
  const file = join(folder, `${kind}.wasm`);
  if (kind === "cut") {
    copyFileSync(buildFilter(), file);
    truncateSync(file, 10_000);
  }
  if (kind === "no-wasm") writeFileSync(file, "an error page instead of a module\n");
  if (kind === "empty") writeFileSync(file, "");
  // One import that Envoy does not have: `env.proxy_log` renamed, its length kept.
  if (kind === "strange-import") {
    const bytes = readFileSync(buildFilter());
    bytes.write("proxy_lox", bytes.indexOf("proxy_log", 0, "latin1"), "latin1");
    writeFileSync(file, bytes);
  }
  return file; // "missing" has none
}

describe("at the start", () => {
  async function expectNothingServed(env: Record<string, string>): Promise<void> {
    const broken = await createEnvoy(settings(), env);
    try {
      await expect(broken.launch()).rejects.toThrow(/could not be started.*rejected the listeners/s);
      expect((await broken.readProcesses()).master).toBe(0);
      for (const { port } of Object.values(broken.endpoints))
        await expect(RawConnection.open({ port })).rejects.toThrow(/ECONNREFUSED/);
    } finally {
      await broken.stop();
    }
  }

  test.for(["missing", "empty", "no-wasm", "cut", "strange-import"])("a module that is %s: nobody is served", kind =>
    expectNothingServed({ LINKGATE_FILTER: writeBadModule(kind) }),
  );

  test("a configuration that the filter refuses: nobody is served", async () => {
    const templates = join(folder, "templates");
    cpSync(TEMPLATES, templates, { recursive: true });
    const file = join(templates, "listeners.yaml.template");
    writeFileSync(file, readFileSync(file, "utf8").replace('{"listener":"proxy",', '{"listener":"any",'));
    await expectNothingServed({ LINKGATE_TEMPLATE_DIR: templates });
  });
});

describe("while it runs", () => {
  let version = 0;

  beforeAll(async () => {
    // Nothing ends a lasting connection between two requests: neither its age nor the drain of listeners that were replaced.
    const lasting = { linkQuarantine: 3600, drainTimeout: 3600 };
    gate = await startEnvoy({ ...settings(), ...lasting }, { LINKGATE_FILTER: filter });
  });
  beforeEach(async () => {
    onTestFailed(() => console.log(gate.explain()));
    feed.set("contoso", "disabled", [LINK]);
    await feed.acknowledged();
  });

  const ADMITTED = writeProxyHeader({ source: linkAddress(LINK, "10.1.1.4") });
  const STRANGER = writeProxyHeader({ source: linkAddress(LINK + 1, "10.1.1.4") });

  /** Sends requests of both kinds, on connections of their own and on lasting ones, until told to stop. @returns how many got what */
  function startLoad(): { stop(): Promise<Record<string, number>>; whenMore(count: number): Promise<unknown> } {
    const answers: Record<string, number> = {};
    let sent = 0;
    let isOver = false;
    const count = (what: string) => {
      answers[what] = (answers[what] ?? 0) + 1;
      sent++;
    };
    const ask = async (name: string, header: Buffer) => {
      while (!isOver) {
        const { status } = await exchange(gate.endpoints.proxy, { host: HOST }, header);
        count(`${name} ${status}`);
      }
    };
    const keepAsking = async (name: string, header: Buffer) => {
      let connection = await RawConnection.open(gate.endpoints.proxy, header);
      while (!isOver) {
        connection.send(writeRequest({ host: HOST }));
        const answer = await connection.readResponse();
        count(`${name} ${answer.status}`);
        if (answer.header("connection") !== "close") continue;
        connection.close();
        connection = await RawConnection.open(gate.endpoints.proxy, header);
      }
      connection.close();
    };
    const running = Promise.all([
      ask("admitted", ADMITTED),
      ask("stranger", STRANGER),
      keepAsking("admitted", ADMITTED),
      keepAsking("stranger", STRANGER),
    ]);
    running.catch(() => {}); // whoever waits for it is told
    const stop = async () => {
      isOver = true;
      await running;
      return answers;
    };
    onTestFinished(async () => {
      await stop().catch(() => {}); // of a test that failed in the midst
    });
    return {
      stop,
      whenMore: async more => {
        const from = sent;
        const enough = until(
          () => isOver || sent - from >= more,
          () => "the load stands still",
        );
        await Promise.race([enough, running]);
      },
    };
  }

  const countUpdates = (end: string) => gate.sumStats(`lds.update_${end}$`);

  /** Has the listeners put in place, and waits for Envoy's word on them. */
  async function update(end: "success" | "rejected"): Promise<void> {
    const before = await countUpdates(end);
    process.kill((await gate.readProcesses()).supervisor, "SIGHUP");
    await until(
      async () => (await countUpdates(end)) > before,
      () => `no ${end} of the update\n${gate.explain()}`,
    );
  }

  test("updates under load, with new code too: no wrong answer, the table stays", async () => {
    const { incarnation, generation } = await gate.readState();
    const load = startLoad();
    for (let round = 0; round < 4; round++) {
      // Other bytes, the same filter: a custom section of its own at the end (WebAssembly 5.5.3).
      const section = [0, 6, 4, ...Buffer.from("test"), ++version];
      if (round % 2 === 1) writeFileSync(filter, Buffer.concat([readFileSync(buildFilter()), Buffer.from(section)]));
      await load.whenMore(100);
      await update("success");
    }
    await load.whenMore(100);
    const answers = await load.stop();
    expect(Object.keys(answers).sort()).toEqual(["admitted 200", "stranger 403"]);
    expect(await gate.readState()).toMatchObject({ incarnation, generation, table: "current" });
  });

  test.for(["missing", "empty", "no-wasm", "cut", "strange-import"])(
    "an update with a module that is %s is rejected: the old filter stays, and goes on with the feed",
    async kind => {
      const good = readFileSync(filter);
      const load = startLoad();
      if (kind === "missing") rmSync(filter);
      else copyFileSync(writeBadModule(kind), filter);
      try {
        await update("rejected");
        await load.whenMore(50);
        expect(Object.keys(await load.stop()).sort()).toEqual(["admitted 200", "stranger 403"]);
        feed.set("contoso", "disabled", []);
        await feed.acknowledged();
        expect((await exchange(gate.endpoints.proxy, { host: HOST }, ADMITTED)).status).toBe(403);
      } finally {
        writeFileSync(filter, good);
        await update("success");
      }
    },
  );

  test("a revocation amid updates is enforced when it is acknowledged", async () => {
    let isUpdating = true;
    const updateOften = async () => {
      for (let round = 0; round < 3; round++) await update("success");
    };
    const revokeOften = async () => {
      for (let round = 0; round < 20 || isUpdating; round++) {
        feed.set("contoso", "disabled", []);
        await feed.acknowledged();
        expect((await exchange(gate.endpoints.proxy, { host: HOST }, ADMITTED)).status).toBe(403);
        feed.set("contoso", "disabled", [LINK]);
        await feed.acknowledged();
        expect((await exchange(gate.endpoints.proxy, { host: HOST }, ADMITTED)).status).toBe(200);
      }
    };
    const updates = updateOften().finally(() => {
      isUpdating = false;
    });
    await Promise.all([updates, revokeOften()]);
  });

  test("a filter that is another's, and checks nothing, gets no request to a service: the account is missing", async () => {
    const good = readFileSync(filter);
    copyFileSync(buildEmptyFilter(), filter);
    const before = upstream.requests.length;
    try {
      process.kill((await gate.readProcesses()).supervisor, "SIGHUP");
      // In every worker, and then nobody is judged any more.
      await until(
        async () => {
          for (const header of Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? ADMITTED : STRANGER)))
            if ((await exchange(gate.endpoints.proxy, { host: HOST }, header)).status < 500) return false;
          return true;
        },
        () => "the other filter is not in force",
      );
      expect(
        upstream.requests.slice(before).every(request => request.headers.some(([name]) => /link-id/.test(name))),
      ).toBe(true);
    } finally {
      writeFileSync(filter, good);
    }
  });
});
