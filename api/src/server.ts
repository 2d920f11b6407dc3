import { destination, pino } from "pino";
import { startApi } from "./app.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";

/** sysexits.h EX_CONFIG: something is wrong with the configuration. */
const EX_CONFIG = 78;

const log = pino(destination(2));
const stopping = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stopping.abort());

const config = readConfigOrExit();
try {
  const api = await startApi(config, { log, signal: stopping.signal });
  const { armUrl, feedUrl, adminUrl } = api;
  // Whoever starts this script waits for this one line on stdout; everything else goes to stderr.
  process.stdout.write(`${JSON.stringify({ ready: true, armUrl, feedUrl, adminUrl })}\n`);
  log.info({ armUrl, feedUrl, adminUrl }, "ready");
  await aborted(stopping.signal);
  log.info("stopping");
  await api.stop();
  log.info("stopped");
} catch (error) {
  if (!stopping.signal.aborted) {
    log.fatal({ err: error }, "the api could not start");
    process.exitCode = 1;
  }
}

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(EX_CONFIG);
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>(resolve => signal.addEventListener("abort", () => resolve(), { once: true }));
}
