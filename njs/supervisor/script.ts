import { type Log, messageOf, type ProxySupervisor } from "./proxy-supervisor.ts";

/** The exit status of a wrong configuration (sysexits.h, EX_CONFIG). */
const EXIT_CONFIG = 78;

const log: Log = (level, text, details = {}) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message: text, ...details })}\n`);
};

function fail(text: string, error: unknown): never {
  log("error", text, { reason: messageOf(error) });
  process.exit(EXIT_CONFIG);
}

/**
 * Runs a supervisor as a gate's entry point, in a container too: stdout gets one line when the gate is up; everything else goes
 * to stderr, one JSON object a line. SIGTERM and SIGINT stop it, SIGHUP reloads it; a proxy that can't be started ends it with 78.
 * @param proxy its name, for people
 * @param create makes the supervisor from the environment; what it throws says what is wrong with the settings
 */
export async function runSupervisor(proxy: string, create: (log: Log) => ProxySupervisor): Promise<void> {
  const supervisor = createOrFail(create);
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
    fail(`${proxy} could not be started`, error);
  }
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, masterPid: supervisor.pid })}\n`);
}

function createOrFail(create: (log: Log) => ProxySupervisor): ProxySupervisor {
  try {
    return create(log);
  } catch (error) {
    return fail("the settings can't be used", error);
  }
}
