import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { argv, exit, stderr } from "node:process";
import { runInForeground } from "./foreground.mjs";
import { prepare, root } from "./prepare.mjs";

/**
 * `npm run soak [-- <name> [options]]`: what `npm test` does in small, at length. Every `e2e/<name>/soak.ts` is one; without a
 * name they run in turn, also after one has failed. Each prints its seed and takes `--seed` to do the same again.
 */
const soaks = readdirSync(join(root, "e2e")).filter(folder => existsSync(join(root, "e2e", folder, "soak.ts")));
const [name, ...options] = argv.slice(2);
if (name !== undefined && !soaks.includes(name)) {
  stderr.write(`soak: there is no "${name}": ${soaks.join(", ")}\n`);
  exit(2);
}

const { node, env } = await prepare({ forTests: true });
let failed = 0;
for (const each of name === undefined ? soaks : [name]) {
  const code = await runInForeground(node, [join("e2e", each, "soak.ts"), ...options], { cwd: root, env });
  if (code !== 0) failed++;
  if (code >= 128) break; // told to stop
}
exit(failed === 0 ? 0 : 1);
