import { argv, exit, stdin, stdout } from "node:process";
import { withLock } from "../lock.mjs";

/** Takes the lock of the file given, says so, and keeps it until its input ends. */
await withLock(
  argv[2] ?? "",
  owner => stdout.write(`waiting for ${owner}\n`),
  async () => {
    stdout.write("locked\n");
    for await (const _ of stdin);
  },
);
exit(0);
