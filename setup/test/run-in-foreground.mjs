import { argv, execPath, exit } from "node:process";
import { runInForeground } from "../foreground.mjs";

// Time stands still: no pause of a busy machine makes two signals of one.
const now = performance.now();
performance.now = () => now;

/** Runs a script of Node in the foreground and ends as it ends. */
exit(await runInForeground(execPath, ["--eval", argv[2] ?? ""], { cwd: ".", env: process.env }));
