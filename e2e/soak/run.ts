import { parseArgs } from "node:util";

/** How often a soak says how far it is. */
const TELL_EVERY_MS = 30_000;

/** Tells people how far a soak is. */
export interface Progress {
  /** Says it, if nothing was said for half a minute. @throws Error when the soak was told to stop */
  tell(done: string): void;
  /** Says it at once. @throws likewise */
  say(done: string): void;
}

/** A soak: what `npm run soak -- <name>` runs. */
export interface Soak<N extends string, C extends string> {
  readonly name: string;
  /** Options that are whole numbers, and what each is unless told otherwise. */
  readonly numbers: Readonly<Record<N, number>>;
  /** Options that are one of several words, of which the first is taken unless told otherwise. */
  readonly choices: Readonly<Record<C, readonly string[]>>;
  /** @returns what is printed of a soak that has passed @throws Error when it has not */
  readonly work: (options: Record<N, number> & Record<C, string>, progress: Progress) => Promise<unknown>;
}

/** Reads a soak's options, does its work, and says how it went. Exit status 1: it has failed, or was stopped; 2: an option is wrong. */
export async function runSoak<N extends string, C extends string>(soak: Soak<N, C>): Promise<void> {
  const options = readOptions(soak);
  const start = performance.now();
  const say = (text: string) =>
    console.log(`soak: ${soak.name}: ${text}, ${((performance.now() - start) / 1000).toFixed(0)} s`);
  let isStopped = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      isStopped = true;
    });
  }
  let told = start;
  const progress: Progress = {
    tell(done) {
      if (isStopped || performance.now() - told >= TELL_EVERY_MS) this.say(done);
    },
    say(done) {
      if (isStopped) throw new Error(`stopped after ${done}`);
      told = performance.now();
      say(done);
    },
  };
  const chosen = Object.entries(options).map(([name, value]) => `--${name} ${value}`);
  console.log(`soak: ${soak.name}: ${chosen.join(" ")}`);
  try {
    const report = await soak.work(options, progress);
    say(`passed: ${JSON.stringify(report)}`);
  } catch (error) {
    say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

function readOptions<N extends string, C extends string>({ numbers, choices }: Soak<N, C>) {
  const names = [...Object.keys(numbers), ...Object.keys(choices)];
  const { values } = parseArgs({ options: Object.fromEntries(names.map(name => [name, { type: "string" as const }])) });
  const options: Record<string, number | string> = {};
  for (const [name, usual] of Object.entries<number>(numbers)) {
    const number = Number(values[name] ?? usual); // 1e6 is one too
    if (!Number.isSafeInteger(number) || number < 0) refuse(`--${name} is a whole number`);
    options[name] = number;
  }
  for (const [name, words] of Object.entries<readonly string[]>(choices)) {
    const word = values[name] ?? words[0] ?? "";
    if (!words.includes(word)) refuse(`--${name} is one of ${words.join(", ")}`);
    options[name] = word;
  }
  return options as Record<N, number> & Record<C, string>;
}

function refuse(why: string): never {
  console.error(why);
  process.exit(2);
}
