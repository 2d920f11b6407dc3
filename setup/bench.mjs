import { argv, exit, stderr } from "node:process";
import { runInForeground } from "./foreground.mjs";
import { prepare, root } from "./prepare.mjs";

/** What each benchmark compares or measures, by its name. */
const benches = {
  /** The gate against what people would use instead, as ratios. */
  gates: "bench/src/main.ts",
  /** The calls, the feed and what idle gates cost, as milliseconds and percents. */
  api: "bench/src/api/main.ts",
  /** The portal in a browser: scripts of a first visit, time until it can be used, filters on ten thousand connections. */
  portal: "e2e/bench/portal.ts",
};

/** `npm run bench [-- gates|api|portal]`: the one that is named, or `gates`. */
const [name = "gates", ...options] = argv.slice(2);
if (!Object.hasOwn(benches, name)) {
  stderr.write(`bench: there is no "${name}": ${Object.keys(benches).join(", ")}\n`);
  exit(2);
}
const { node, env } = await prepare({ forTests: name !== "api" });
exit(
  await runInForeground(node, [benches[/** @type {keyof typeof benches} */ (name)], ...options], { cwd: root, env }),
);
