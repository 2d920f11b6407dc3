import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";

/**
 * What a command is run with.
 *
 * @typedef {object} RunOptions
 * @property {string} logFile absolute path; command and output are appended
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [lockFd] the setup's lock; the child keeps it open, so that an orphan of a killed setup still holds it
 */

/** A command that could not be started or did not end with 0. `output` is all it wrote to stdout and stderr. */
export class CommandError extends Error {
  /**
   * @param {string} message
   * @param {string} output
   */
  constructor(message, output) {
    super(message);
    this.name = "CommandError";
    this.output = output;
  }
}

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/**
 * Runs a command to its end, without a shell and without input.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} options
 * @returns {Promise<string>} what it wrote to stdout
 * @throws {CommandError} when it can't be started or does not end with 0
 */
export async function run(command, args, options) {
  mkdirSync(dirname(options.logFile), { recursive: true });
  /** @param {string} text */
  const log = text => appendFileSync(options.logFile, text);
  log(`$ ${[command, ...args].join(" ")}\n`);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe", options.lockFd ?? "ignore"],
  });
  running.add(child);
  let stdout = "";
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", text => {
    stdout += text;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", text => {
      log(text);
      output += text;
    });
  }
  try {
    const ending = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(signal ?? code));
    });
    if (ending === 0) return stdout;
    throw new CommandError(`${basename(command)} ended with ${ending}`, output);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${command} did not start: ${messageOf(error)}`, "");
  } finally {
    running.delete(child);
  }
}

/**
 * Ends every command that `run` has started and that is still at work. For use when the setup itself is told to stop.
 *
 * @param {NodeJS.Signals} signal
 */
export function stopRunning(signal) {
  for (const child of running) child.kill(signal);
}

/**
 * @param {unknown} error
 * @returns {string}
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
