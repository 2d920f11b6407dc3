import { readFileSync } from "node:fs";
import { parseArgs, parseEnv } from "node:util";
import { destination, pino } from "pino";
import { startApi } from "./app.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { renderHelp, SETTINGS } from "./settings.ts";

/** sysexits.h EX_USAGE and EX_CONFIG. */
const EXIT = { failed: 1, usage: 64, config: 78 } as const;

const config = configure(process.argv.slice(2));
// PostgreSQL quotes whole rows in the details of an error, and rows hold what callers have sent.
const log = pino({ redact: { paths: ["err.detail", "err.where"], remove: true } }, destination(2));
const stopping = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stopping.abort());

try {
  const api = await startApi(config, { log, signal: stopping.signal });
  const { armUrl, feedUrl, adminUrl, healthUrl } = api;
  // Whoever starts this script waits for this one line on stdout; everything else goes to stderr.
  process.stdout.write(`${JSON.stringify({ ready: true, armUrl, feedUrl, adminUrl, healthUrl })}\n`);
  log.info({ armUrl, feedUrl, adminUrl, healthUrl }, "ready");
  const failure = await Promise.race([api.failed, aborted(stopping.signal)]);
  if (failure !== undefined) {
    log.fatal({ err: failure }, "the api can't go on and stops");
    process.exitCode = EXIT.failed;
  }
  log.info("stopping");
  await api.stop();
  log.info("stopped");
} catch (error) {
  if (!stopping.signal.aborted) {
    log.fatal({ err: error }, "the api could not start");
    process.exitCode = EXIT.failed;
  }
}

/** Reads arguments and settings, or ends the process with what to do about them. */
function configure(args: string[]): Config {
  const file = readArguments(args);
  try {
    if (file !== undefined) addSettings(file);
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\nnpm start -w api -- --help tells of every setting.\n`);
    process.exit(EXIT.config);
  }
}

function readArguments(args: string[]): string | undefined {
  try {
    const { help, config: file } = parseArgs({
      args,
      options: { help: { type: "boolean", short: "h" }, config: { type: "string" } },
    }).values;
    if (help !== true) return file;
    process.stdout.write(renderHelp());
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${renderHelp()}`);
    process.exit(EXIT.usage);
  }
}

/** What the environment leaves open is taken from a file. `@azure/identity` reads the environment too. */
function addSettings(file: string): void {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError([`--config names a file that can't be read: ${(error as Error).message}.`]);
  }
  const settings = parseEnv(text);
  const unknown = Object.keys(settings).filter(name => !(name in SETTINGS));
  if (unknown.length > 0) throw new ConfigError(unknown.map(name => `${name} in ${file} is no setting.`));
  for (const [name, value] of Object.entries(settings)) {
    if ((process.env[name] ?? "") === "") process.env[name] = value;
  }
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return;
  await new Promise<void>(resolve => signal.addEventListener("abort", () => resolve(), { once: true }));
}
