import { dirname, resolve } from "node:path";
import { type Directive, parseConfiguration } from "./parse.ts";

/** A directive that names files which are not in the dump. */
export interface MissingInclude {
  readonly directive: Directive;
  readonly path: string;
}

/** A whole configuration, every `include` replaced by what it includes. */
export interface Configuration {
  readonly directives: readonly Directive[];
  readonly missing: readonly MissingInclude[];
}

const HEADING = /^# configuration file (.+):$/;
const DEEPEST = 20;

/**
 * Reads the output of `nginx -T`; or a single file, which has no heading.
 * @param name what a file without a heading is called in messages
 * @throws SyntaxProblem
 */
export function readDump(text: string, name: string): Configuration {
  const files = splitFiles(text, name);
  const [main] = files.keys();
  const parsed = new Map([...files].map(([file, content]) => [file, parseConfiguration(content, file)]));
  const missing: MissingInclude[] = [];
  const expand = (directives: readonly Directive[], depth: number): Directive[] =>
    directives.flatMap(directive => {
      if (directive.name !== "include" || directive.block !== null) {
        return directive.block === null ? directive : { ...directive, block: expand(directive.block, depth) };
      }
      // NGINX takes relative paths from the folder of the main file.
      const path = resolve(dirname(main ?? name), directive.args[0] ?? "");
      const matches = [...parsed].filter(([file]) => isMatch(file, path));
      if (matches.length === 0 && !/[*?[]/.test(path)) missing.push({ directive, path });
      return depth > DEEPEST ? [] : matches.flatMap(([, included]) => expand(included, depth + 1));
    });
  return { directives: expand(parsed.get(main ?? name) ?? [], 0), missing };
}

/** Each file's text; lines before the first heading (NGINX's own words) are dropped if there is one. */
function splitFiles(text: string, name: string): Map<string, string> {
  const files = new Map<string, string>();
  let file: string | null = null;
  let lines: string[] = [];
  const finish = () => {
    if (file !== null) files.set(file, lines.join("\n"));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const heading = HEADING.exec(line)?.[1];
    if (heading === undefined) {
      lines.push(line);
    } else {
      finish();
      file = heading;
    }
  }
  finish();
  return file === null ? new Map([[name, text]]) : files;
}

/** glob(3) without braces, as NGINX uses it: `*` and `?` don't pass a slash. */
function isMatch(file: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replace(/\*/g, "[^/]*")
    .replace(/\?/g, "[^/]");
  return new RegExp(`^${source}$`).test(file);
}
