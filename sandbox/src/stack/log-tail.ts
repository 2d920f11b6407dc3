import { readFile } from "node:fs/promises";

/** The last lines of a log, each indented, with the file's name in front; says so where there is nothing. */
export async function readTail(file: string, lines = 15): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  const last = text.trimEnd().split("\n").slice(-lines).join("\n    ");
  return last === "" ? `  ${file} is empty.` : `  the end of ${file}:\n    ${last}`;
}
