import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { argv, exit, stderr } from "node:process";
import { runInForeground } from "./foreground.mjs";
import { prepare, root } from "./prepare.mjs";

/**
 * `npm run soak [-- <name> [options]]`: what `npm test` does in small, at length. Every `<name>/soak.ts` of these folders is one;
 * without a name they run in turn, also after one has failed. Each prints its seed and takes `--seed` to do the same again.
 */
const scripts = new Map(
  ["e2e", "api/soak"].flatMap(folder =>
    readdirSync(join(root, folder))
      .map(name => /** @type {const} */ ([name, join(folder, name, "soak.ts")]))
      .filter(([, script]) => existsSync(join(root, script))),
  ),
);
const soaks = [...scripts.keys()];
const [name, ...options] = argv.slice(2);
if (name !== undefined && !soaks.includes(name)) {
  stderr.write(`soak: there is no "${name}": ${soaks.join(", ")}\n`);
  exit(2);
}

const { node, env } = await prepare({ forTests: true });
let failed = 0;
for (const each of name === undefined ? soaks : [name]) {
  const code = await runInForeground(node, [scripts.get(each) ?? "", ...options], { cwd: root, env });
  if (code !== 0) failed++;
  if (code >= 128) break; // told to stop
}
exit(failed === 0 ? 0 : 1);
