/** A directive as it stands in a file, with its block if it has one. */
export interface Directive {
  readonly name: string;
  /** Without quotes; escapes resolved. */
  readonly args: readonly string[];
  /** Null for a directive that ends with a semicolon. */
  readonly block: readonly Directive[] | null;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A text that is no NGINX configuration. The message begins with `file:line: `. */
export class SyntaxProblem extends Error {
  constructor(file: string, line: number, text: string) {
    super(`${file}:${line}: ${text}`);
    this.name = "SyntaxProblem";
  }
}

/** `isQuoted` tells `";"` from the end of a directive. */
type Token = { readonly text: string; readonly line: number; readonly isQuoted: boolean };

/**
 * Takes an NGINX configuration apart, by the rules of NGINX's own `ngx_conf_read_token`. What directives mean is not looked at;
 * blocks of other languages (`..._by_lua_block`) are not understood.
 * @throws SyntaxProblem
 */
export function parseConfiguration(text: string, file: string): Directive[] {
  const tokens = readTokens(text, file);
  const open: { head: Directive; block: Directive[] }[] = [];
  const top: Directive[] = [];
  let words: Token[] = [];
  let lastLine = 1;
  const take = (block: Directive[] | null): Directive => {
    const [first, ...rest] = words;
    if (first === undefined) throw new SyntaxProblem(file, lastLine, "a directive without a name");
    words = [];
    return { name: first.text, args: rest.map(token => token.text), block, file, line: first.line };
  };
  for (const token of tokens) {
    lastLine = token.line;
    const into = open.at(-1)?.block ?? top;
    if (token.isQuoted || !/^[;{}]$/.test(token.text)) {
      words.push(token);
    } else if (token.text === ";") {
      into.push(take(null));
    } else if (token.text === "{") {
      const block: Directive[] = [];
      const head = take(block);
      into.push(head);
      open.push({ head, block });
    } else {
      if (words.length > 0) throw new SyntaxProblem(file, token.line, `"${words[0]?.text}" has no end`);
      if (open.pop() === undefined) throw new SyntaxProblem(file, token.line, 'a "}" too many');
    }
  }
  if (words.length > 0) throw new SyntaxProblem(file, lastLine, `"${words[0]?.text}" has no end`);
  const unclosed = open.at(-1)?.head;
  if (unclosed !== undefined)
    throw new SyntaxProblem(file, unclosed.line, `the block of "${unclosed.name}" has no end`);
  return top;
}

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", r: "\r", n: "\n", '"': '"', "'": "'", "\\": "\\" };

function readTokens(text: string, file: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === "\n") line++;
    if (/\s/.test(char)) {
      at++;
    } else if (char === "#") {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
    } else if (";{}".includes(char)) {
      tokens.push({ text: char, line, isQuoted: false });
      at++;
    } else {
      const word = char === '"' || char === "'" ? readQuoted(text, at) : readWord(text, at);
      if (word === null) throw new SyntaxProblem(file, line, "a quote without end");
      tokens.push({ text: word.text, line, isQuoted: char === '"' || char === "'" });
      line += text.slice(at, word.end).split("\n").length - 1;
      at = word.end;
    }
  }
  return tokens;
}

function readQuoted(text: string, from: number): { text: string; end: number } | null {
  const quote = text.charAt(from);
  let value = "";
  for (let at = from + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === quote) return { text: value, end: at + 1 };
    const meant = char === "\\" ? ESCAPES[text.charAt(at + 1)] : undefined;
    if (meant !== undefined) at++;
    value += meant ?? char;
  }
  return null;
}

/** A word ends at a blank, `;` or `{`; the brace of `${name}` belongs to it. */
function readWord(text: string, from: number): { text: string; end: number } {
  let value = "";
  let at = from;
  for (; at < text.length; at++) {
    const char = text.charAt(at);
    if (/\s/.test(char) || char === ";") break;
    if (char === "{" && text.charAt(at - 1) !== "$") break;
    const meant = char === "\\" ? ESCAPES[text.charAt(at + 1)] : undefined;
    if (meant !== undefined) at++;
    value += meant ?? char;
  }
  return { text: value, end: at };
}
