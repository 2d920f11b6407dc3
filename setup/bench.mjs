import { argv, exit } from "node:process";
import { runInForeground } from "./foreground.mjs";
import { prepare, root } from "./prepare.mjs";

/** `npm run bench`: the gate against what people would use instead, as ratios. */
const { node, env } = await prepare({ forTests: true });
exit(await runInForeground(node, ["bench/src/main.ts", ...argv.slice(2)], { cwd: root, env }));
