import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { findBinaries, findRunner } from "../../src/database/postgres-files.ts";
import { until } from "../support/until.ts";

const isRoot = process.getuid?.() === 0;
const OUTGOING = "/proc/sys/net/ipv4/ip_local_port_range";
let folder: string;
let dataDir: string;
let started: { pid: number; stop(): Promise<void> }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-postgres-"));
  await chmod(folder, 0o755);
  dataDir = join(folder, "data");
  started = [];
});

afterEach(async () => {
  for (const server of started) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(port?: number) {
  const server = await startEmbeddedPostgres({ dataDir, ...(port === undefined ? {} : { port }) });
  started.push(server);
  return server;
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

test("it starts, keeps its data and its url over a stop, and listens on loopback only", async () => {
  const first = await start();
  await query(first.url, "create table kept (n int); insert into kept values (7)");
  const [{ version, addresses }] = (await query(
    first.url,
    "select current_setting('server_version_num')::int as version, current_setting('listen_addresses') as addresses",
  )) as [{ version: number; addresses: string }];
  expect(version).toBeGreaterThanOrEqual(180000);
  expect(addresses).toBe("127.0.0.1");
  await first.stop();
  const second = await start();
  expect(second.url).toBe(first.url);
  expect(await query(second.url, "select n from kept")).toEqual([{ n: 7 }]);
});

test("it survives kill -9, on the same data and the same port", async () => {
  const first = await start();
  await query(first.url, "create table kept (n int); insert into kept values (7)");
  process.kill(first.pid, "SIGKILL");
  await first.stop();
  const second = await start(Number(new URL(first.url).port));
  expect(second.url).toBe(first.url);
  expect(second.pid).not.toBe(first.pid);
  expect(await query(second.url, "select n from kept")).toEqual([{ n: 7 }]);
});

test("the password is needed, and only its owner can read it", async () => {
  const { url } = await start();
  const wrong = new URL(url);
  wrong.password = "wrong";
  await expect(query(wrong.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
  expect((await stat(join(dataDir, "password"))).mode & 0o077).toBe(0);
});

test("a port that is taken: said when it was asked for, avoided when not", async () => {
  const first = await start();
  const taken = Number(new URL(first.url).port);
  const other = join(folder, "other");
  await expect(startEmbeddedPostgres({ dataDir: other, port: taken })).rejects.toThrow(/Address already in use/);
  const second = await startEmbeddedPostgres({ dataDir: other });
  started.push(second);
  expect(Number(new URL(second.url).port)).not.toBe(taken);
});

test.runIf(existsSync(OUTGOING))("its port is none that the kernel gives to others while it restarts", async () => {
  const [lowest = ""] = (await readFile(OUTGOING, "utf8")).split("\t");
  expect(Number(new URL((await start()).url).port)).toBeLessThan(Math.max(Number(lowest), 32_768));
});

test("one folder has one server", async () => {
  await start();
  await expect(start()).rejects.toThrow(/is running in .* already/);
});

test("a run of initdb that was cut off leaves nothing that counts", async () => {
  await mkdir(join(dataDir, "data.new"), { recursive: true });
  const { url } = await start();
  expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
});

/** Another process that starts a server in the folder and then waits for its end. */
async function startElsewhere(): Promise<{ child: ChildProcess; pid: number }> {
  const module = new URL("../../src/database/embedded-postgres.ts", import.meta.url).href;
  const script = `import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    process.on("SIGTERM", () => process.exit(0));
    const { pid } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  return { child, pid: Number(line) };
}

test("a server whose process was killed outright is taken over; one whose process lives is left alone", async () => {
  const { child, pid } = await startElsewhere();
  await expect(start()).rejects.toThrow(`is used by process ${child.pid}`);
  child.kill("SIGKILL");
  await once(child, "exit");
  const mine = await start();
  expect(mine.pid).not.toBe(pid);
  expect(await query(mine.url, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a process that exits takes its server along, cleanly", async () => {
  const { child } = await startElsewhere();
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  await until("its log ends with a clean shutdown", async () =>
    /database system is shut down\n$/.test(await readFile(join(dataDir, "postgres.log"), "utf8")),
  );
});

test.runIf(isRoot)("as root it runs as nobody, also from a folder that nobody may enter", async () => {
  await chmod(folder, 0o700);
  const server = await start();
  const home = await readFile(join(dataDir, "moved-to"), "utf8");
  try {
    const status = await readFile(`/proc/${server.pid}/status`, "utf8");
    expect(status).toMatch(new RegExp(`^Uid:\\t${findRunner()?.uid}\\t`, "m"));
    await query(server.url, "create table kept ()");
    await server.stop();
    expect(await query((await start()).url, "select * from kept"), "kept while the folder is").toEqual([]);
    for (const { stop } of started) await stop();
    await rm(dataDir, { recursive: true });
    const { url } = await start();
    await expect(query(url, "select * from kept"), "gone with the folder").rejects.toMatchObject({ code: "42P01" });
    for (const { stop } of started) await stop();
    await rm(dataDir, { recursive: true });
    await mkdir(join(folder, "neighbour"));
    started.push(await startEmbeddedPostgres({ dataDir: join(folder, "neighbour/data") }));
    await expect(stat(home), "and the next start anywhere clears it away").rejects.toMatchObject({ code: "ENOENT" });
    for (const { stop } of started) await stop();
  } finally {
    for (const { stop } of started) await stop();
    await rm(home, { recursive: true, force: true });
    const neighbour = await readFile(join(folder, "neighbour/data/moved-to"), "utf8").catch(() => "");
    if (neighbour !== "") await rm(neighbour, { recursive: true });
  }
});

test.runIf(isRoot)("as root it starts beside what can't be removed, and clears that away when it can", async () => {
  await chmod(folder, 0o700);
  const left = await mkdtemp("/var/lib/linkgate/left-");
  await writeFile(join(left, "moved-from"), join(folder, "gone"));
  // Deeper than any path reaches. A folder that a server still writes to can't be removed either, but nobody can say when.
  const makeDeep = "mkdir data && cd -P data && for n in $(seq 25); do mkdir $0 && cd -P $0 || exit; done";
  execFileSync("sh", ["-c", makeDeep, "x".repeat(200)], { cwd: left });
  try {
    await start();
    for (const { stop } of started) await stop();
    execFileSync("rm", ["-r", join(left, "data")]);
    await start();
    await expect(stat(left)).rejects.toMatchObject({ code: "ENOENT" });
  } finally {
    execFileSync("rm", ["-rf", left]);
    for (const { stop } of started) await stop();
    const home = await readFile(join(dataDir, "moved-to"), "utf8").catch(() => "");
    if (home !== "") await rm(home, { recursive: true });
  }
});

test.runIf(isRoot)("as root, binaries that nobody may enter are copied to where they can be run", async () => {
  const packaged = await findBinaries(undefined);
  const hidden = join(folder, "hidden");
  await mkdir(hidden, { mode: 0o700 });
  await cp(packaged, join(hidden, "native"), { recursive: true, verbatimSymlinks: true });
  await rm(join(hidden, "native/lib/libpq.so.5"));
  await cp(join(packaged, "../package.json"), join(hidden, "package.json"));
  const usable = await findBinaries(findRunner(), join(hidden, "native"));
  expect(usable.startsWith(hidden)).toBe(false);
  const child = spawn(join(usable, "bin/initdb"), ["--version"], { ...findRunner(), cwd: "/" });
  expect(await text(child.stdout)).toMatch(/PostgreSQL\) 18/);
});
