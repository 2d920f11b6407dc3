import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MissingComponent } from "../missing.mjs";
import { CommandError, run } from "../run.mjs";
import { makeFolder } from "./support.ts";

const facts = { component: "NGINX", consequence: "no gate", logFile: "/somewhere/nginx.log" };

it("says what is missing, why each way failed, what will not work, and where the log is", () => {
  const attempts = [
    { way: "Debian forky", error: new CommandError("apt-get ended with 100", "Ign: 1\nE: Could not resolve\n") },
    { way: "the machine's own", error: new Error("there is none") },
  ];
  expect(new MissingComponent({ ...facts, attempts }).message.split("\n")).toEqual([
    "could not get NGINX",
    "  Debian forky: apt-get ended with 100",
    "      Ign: 1",
    "      E: Could not resolve",
    "  the machine's own: there is none",
    "  without it: no gate",
    "  log: /somewhere/nginx.log",
  ]);
});

it("shows beginning and end of a long output", () => {
  const output = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
  const { message } = new MissingComponent({
    ...facts,
    attempts: [{ way: "npm", error: new CommandError("x", output) }],
  });
  expect(message).toContain("line 0\n");
  expect(message).toContain("line 7\n      [...]\n      line 92\n");
  expect(message).toContain("line 99\n");
  expect(message).not.toContain("line 50");
});

it("carries a command's own words, and keeps them in the log", async () => {
  const logFile = join(makeFolder(), "logs", "command.log");
  const failing = run("sh", ["-c", "echo said; echo complained >&2; exit 3"], { logFile });
  await expect(failing).rejects.toThrow("sh ended with 3");
  const { output } = (await failing.catch((error: CommandError) => error)) as CommandError;
  expect(output.split("\n").sort()).toEqual(["", "complained", "said"]);
  expect(readFileSync(logFile, "utf8")).toMatch(/^\$ sh -c .*\n(said\n|complained\n){2}$/);
});

it("tells a command that does not exist from one that fails", async () => {
  const logFile = join(makeFolder(), "command.log");
  await expect(run("/no/such/command", [], { logFile })).rejects.toThrow("/no/such/command did not start: ");
});
