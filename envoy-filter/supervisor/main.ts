import type { Log } from "../../njs/supervisor/supervisor.ts";
import { readSettings } from "./settings.ts";
import { Supervisor } from "./supervisor.ts";

// `node envoy-filter/supervisor/main.ts`: the gate's entry point, in a container too. Settings come from the environment; stdout gets
// one line when the gate is up; everything else goes to stderr, one JSON object a line.

/** The exit status of a wrong configuration (sysexits.h, EX_CONFIG). */
const EXIT_CONFIG = 78;

const log: Log = (level, text, details = {}) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message: text, ...details })}\n`);
};

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function fail(text: string, error: unknown): never {
  log("error", text, { reason: messageOf(error) });
  process.exit(EXIT_CONFIG);
}

function createSupervisor(): Supervisor {
  try {
    return new Supervisor(readSettings(process.env), log);
  } catch (error) {
    return fail("the settings can't be used", error);
  }
}

const supervisor = createSupervisor();
const starting = supervisor.start();

let isStopping = false;
async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  await starting;
  await supervisor.stop();
  log("info", "stopped");
  process.exit(0);
}

process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());
process.on("SIGHUP", () => void supervisor.reload());

try {
  await starting;
} catch (error) {
  fail("Envoy could not be started", error);
}
process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, masterPid: supervisor.envoyPid })}\n`);
