import { argv, execPath, exit } from "node:process";
import { runInForeground } from "../foreground.mjs";

/** Runs a script of Node in the foreground and ends as it ends. */
exit(await runInForeground(execPath, ["--eval", argv[2] ?? ""], { cwd: ".", env: process.env }));
