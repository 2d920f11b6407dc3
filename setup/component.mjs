import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { MissingComponent } from "./missing.mjs";

/**
 * What every component is prepared with.
 *
 * @typedef {object} Context
 * @property {string} root the repository
 * @property {string} cache `<root>/.cache`
 * @property {number} lockFd the setup's lock, for its children to keep
 * @property {(name: string) => string} draftFolder makes a new folder to build in, on the cache's file system
 * @property {(draft: string, home: string) => void} replaceFolder puts a finished draft in its place, by renaming
 */

/**
 * @typedef {object} Outcome
 * @property {string} what version and origin, for people
 * @property {boolean} found true when it was there already
 */

/**
 * @param {string} root the repository
 * @param {number} lockFd
 * @returns {Context}
 */
export function createContext(root, lockFd) {
  const cache = join(root, ".cache");
  const drafts = join(cache, "tmp");
  // Left over from a setup that was interrupted; the lock says that it is nobody's.
  rmSync(drafts, { recursive: true, force: true });
  return {
    root,
    cache,
    lockFd,
    draftFolder: name => {
      mkdirSync(drafts, { recursive: true });
      const draft = mkdtempSync(join(drafts, `${name}-`));
      // mkdtemp makes it private, but NGINX's workers may be another user's.
      chmodSync(draft, 0o755);
      return draft;
    },
    replaceFolder: (draft, home) => {
      const old = `${draft}.old`;
      if (existsSync(home)) renameSync(home, old);
      renameSync(draft, home);
      rmSync(old, { recursive: true, force: true });
    },
  };
}

/**
 * Builds a component in the first way that works, and puts it into `.cache/<folder>`.
 *
 * @template T
 * @param {Context} context
 * @param {object} component
 * @param {string} component.folder
 * @param {string} component.name for people, of what is missing
 * @param {string} component.consequence of doing without
 * @param {(logFile: string) => { way: string, build: (draft: string) => T | Promise<T> }[]} component.listWays each fills a draft, or throws
 * @returns {Promise<T>} what the way that worked gave
 * @throws {MissingComponent} naming every way that was tried
 */
export async function buildFirst(context, { folder, name, consequence, listWays }) {
  const logFile = join(context.cache, "logs", `${folder}.log`);
  rmSync(logFile, { force: true });
  /** @type {import("./missing.mjs").Attempt[]} */
  const attempts = [];
  for (const { way, build } of listWays(logFile)) {
    const draft = context.draftFolder(folder);
    try {
      const built = await build(draft);
      context.replaceFolder(draft, join(context.cache, folder));
      return built;
    } catch (error) {
      attempts.push({ way, error });
      rmSync(draft, { recursive: true, force: true });
    }
  }
  throw new MissingComponent({ component: name, attempts, consequence, logFile });
}
