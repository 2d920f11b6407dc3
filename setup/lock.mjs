import { spawn } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const BUSY = 1;

/**
 * Runs an action while no other process runs one under the same file. Waits as long as it takes. The lock is the kernel's
 * (flock), so it ends with its owner however that ends, and a stale one can't exist; the file only names the owner.
 *
 * @template T
 * @param {string} file absolute path; made when missing, never removed
 * @param {(owner: string) => void} onWait called once, with the owner's process id, when somebody else has the lock
 * @param {(lockFd: number) => Promise<T>} action children given this descriptor hold the lock as long as they live
 * @returns {Promise<T>}
 */
export async function withLock(file, onWait, action) {
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, "a+");
  try {
    if (!(await flock(fd, ["--nonblock"]))) {
      onWait(readFileSync(file, "utf8").trim() || "unknown");
      await flock(fd, []);
    }
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
    return await action(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Locks the open file that the child shares with this process, so that the lock outlives the child.
 *
 * @param {number} fd
 * @param {string[]} options
 * @returns {Promise<boolean>} false when the lock is another's
 */
function flock(fd, options) {
  return new Promise((resolve, reject) => {
    const child = spawn("flock", [...options, "3"], { stdio: ["ignore", "ignore", "inherit", fd] });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (code === 0) resolve(true);
      else if (code === BUSY) resolve(false);
      else reject(new Error(`flock ended with ${signal ?? code}`));
    });
  });
}
