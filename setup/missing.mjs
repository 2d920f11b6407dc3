import { CommandError, messageOf } from "./run.mjs";

const SHOWN_LINES = 12;

/**
 * One way that was tried to get a component, and why it failed.
 *
 * @typedef {object} Attempt
 * @property {string} way such as "Debian forky"
 * @property {unknown} error
 */

/** A component that could not be had. Its message is for people: what, why, what will not work, where the log is. */
export class MissingComponent extends Error {
  /**
   * @param {object} facts
   * @param {string} facts.component
   * @param {Attempt[]} facts.attempts
   * @param {string} facts.consequence what will not work without it
   * @param {string} facts.logFile
   */
  constructor({ component, attempts, consequence, logFile }) {
    const why = attempts.flatMap(({ way, error }) => [
      `  ${way}: ${messageOf(error)}`,
      ...(error instanceof CommandError ? lastLinesOf(error.output) : []),
    ]);
    super([`could not get ${component}`, ...why, `  without it: ${consequence}`, `  log: ${logFile}`].join("\n"));
    this.name = "MissingComponent";
  }
}

/** @param {string} output */
function lastLinesOf(output) {
  const lines = output.split("\n").map(line => line.trimEnd());
  return lines
    .filter(line => line !== "")
    .slice(-SHOWN_LINES)
    .map(line => `      ${line}`);
}
