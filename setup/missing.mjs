import { CommandError, messageOf } from "./run.mjs";

/** npm says what is wrong first, apt says it last. */
const FIRST_LINES = 8;
const LAST_LINES = 8;

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
      ...(error instanceof CommandError ? excerptOf(error.output).map(line => `      ${line}`) : []),
    ]);
    super([`could not get ${component}`, ...why, `  without it: ${consequence}`, `  log: ${logFile}`].join("\n"));
    this.name = "MissingComponent";
  }
}

/**
 * @param {string} output
 * @returns {string[]}
 */
function excerptOf(output) {
  const lines = output
    .split("\n")
    .map(line => line.trimEnd())
    .filter(line => line !== "");
  if (lines.length <= FIRST_LINES + LAST_LINES) return lines;
  return [...lines.slice(0, FIRST_LINES), "[...]", ...lines.slice(-LAST_LINES)];
}
