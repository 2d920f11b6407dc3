import { argv, exit } from "node:process";
import { runInForeground } from "./foreground.mjs";
import { prepare, root } from "./prepare.mjs";

/** `npm start [-- --once]`: what is missing is installed, then the whole stack comes up and tells its story. */
const { node, env } = await prepare();
exit(await runInForeground(node, ["sandbox/src/main.ts", ...argv.slice(2)], { cwd: root, env }));
