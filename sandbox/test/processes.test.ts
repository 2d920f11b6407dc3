import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { preparePrivateFolder, writePrivateFile } from "../src/private-files.ts";
import { type Child, startChild } from "../src/stack/child.ts";
import { StateClaim, watchProcess } from "../src/stack/leftovers.ts";
import { findNginx } from "../src/stack/settings.ts";
import { until } from "./support/azure.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-processes-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function start(code: string, startLimitMs = 120_000): Promise<Child> {
  const script = join(folder, "part.mjs");
  await writeFile(script, code);
  return startChild({ name: "The part", script, env: { TOLD: "so" }, logFile: join(folder, "part.log"), startLimitMs });
}

describe("a child process", () => {
  const ready = "console.log(JSON.stringify({ ready: true, told: process.env.TOLD, home: process.env.HOME }));";

  it("is there when it says so, and gets no other environment than its own", async () => {
    const child = await start(`${ready} setInterval(() => {}, 1000);`);
    expect(child.ready).toEqual({ ready: true, told: "so" });
    await child.stop("SIGTERM");
    expect(await child.exited).toBe("signal SIGTERM");
  });

  it("that ends before shows its last words", async () => {
    const failed = start('console.error("no such database"); process.exit(3);');
    await expect(failed).rejects.toThrow(/The part did not start: it ended with exit code 3.*no such database/s);
  });

  it("that says nothing is ended", async () => {
    await expect(start("setInterval(() => {}, 1000);", 1500)).rejects.toThrow("no ready line within 1.5 s");
    // However far it had come by then.
    const commands = await Promise.all(
      (await readdir("/proc")).map(pid => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
    );
    expect(commands.filter(command => command.includes(folder))).toEqual([]);
  });

  it("that does not listen is killed with what it started", async () => {
    const child = await start(
      `import { spawn } from "node:child_process";
       process.on("SIGTERM", () => {});
       const grandchild = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
       console.log(JSON.stringify({ ready: true, grandchild: grandchild.pid }));
       setInterval(() => {}, 1000);`,
    );
    const isAlive = watchProcess(Number(child.ready.grandchild));
    expect(isAlive()).toBe(true);
    await child.stop("SIGTERM", 200);
    expect(await child.exited).toBe("signal SIGKILL");
    await until("no grandchild", () => (isAlive() ? undefined : true));
  });
});

describe("the claim on a state folder", () => {
  it("is refused while its owner lives, and free when released", async () => {
    const claim = await StateClaim.take(folder);
    await expect(StateClaim.take(folder)).rejects.toThrow("running already");
    await claim.release();
    await (await StateClaim.take(folder)).release();
  });

  it("ends what a killed owner has left behind, and nothing else", async () => {
    const sleeper = (): ReturnType<typeof spawn> => spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const [left, stranger] = [sleeper(), sleeper()];
    try {
      const claim = await StateClaim.take(folder);
      await claim.note("api", left.pid ?? 0);
      const elsewhere = await mkdtemp(join(tmpdir(), "linkgate-elsewhere-"));
      await claim.noteFolder(elsewhere);
      const file = join(folder, "stack.pid");
      const record = JSON.parse(await readFile(file, "utf8"));
      // The owner is dead, and the id of another of its parts belongs to somebody else by now.
      record.owner = `${process.pid} 1`;
      record.children.nginx = `${stranger.pid} 1`;
      await writeFile(file, JSON.stringify(record));
      const ended = once(left, "exit");
      const next = await StateClaim.take(folder);
      expect((await ended)[1]).toBe("SIGTERM");
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
      expect(existsSync(elsewhere)).toBe(false);
      await next.release();
    } finally {
      left.kill("SIGKILL");
      stranger.kill("SIGKILL");
    }
  });
});

it("writes secrets for their owner only, whatever was there before", async () => {
  const secrets = join(folder, "private");
  await preparePrivateFolder(secrets);
  const file = join(secrets, "a");
  await writeFile(file, "old", { mode: 0o644 });
  await writePrivateFile(file, "new");
  expect(await readFile(file, "utf8")).toBe("new");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(secrets)).mode & 0o777).toBe(0o700);
});

it("says what to run where NGINX is missing", () => {
  expect(() => findNginx(folder)).toThrow(/NGINX with njs is missing .*Run npm start/);
});
