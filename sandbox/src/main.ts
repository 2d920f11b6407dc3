import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { listPlaces } from "./places.ts";
import { repository } from "./stack/settings.ts";
import { Stack } from "./stack/stack.ts";
import { renderChapter, renderHead } from "./story/table.ts";
import { storyLength, tellStory } from "./story/tell.ts";

const usage = `npm start [-- OPTION]

Starts PostgreSQL, the api, an Azure for the laptop, both gates, NGINX and Envoy, and the portal, on loopback, tells the story with
real requests, and stays up until Ctrl-C. .cache/stack.json describes the running stack; LINKGATE_STATE_DIR names another folder than .cache.

  --once       end after the story: 0 only if every verdict was the expected one
  --no-story   stay up without the story
  --no-portal  stay up without the portal

LINKGATE_CUSTOMER_WRITES=true  customers' writes of connections go to the api as they are, and it tells NRP
`;

/** sysexits.h EX_USAGE. */
const badUsage = 64;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return badUsage;
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const end = new AbortController();
  let failure: Error | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end.abort());
  const stack = new Stack({
    state: resolve(process.env.LINKGATE_STATE_DIR || join(repository, ".cache")),
    portal: !options.once && !options["no-portal"],
    customerWrites: process.env.LINKGATE_CUSTOMER_WRITES === "true",
    report: line => console.log(line),
    failed: reason => {
      failure = reason;
      end.abort();
    },
  });
  end.signal.addEventListener("abort", () => void stack.stop());
  try {
    console.log("Linkgate: the stack comes up.");
    await stack.start();
    console.log(`Ready; ${stack.paths.stackFile} describes it.\n`);
    const isGood = options["no-story"] || (await tell(stack, end.signal));
    if (options.once) return isGood && !failure ? 0 : 1;
    console.log(listPlaces(stack));
    await aborted(end.signal);
    if (failure) throw failure;
    return 0;
  } catch (error) {
    if (end.signal.aborted && !failure) return options.once ? 1 : 0;
    console.error(`Linkgate: ${(failure ?? (error as Error)).message}`);
    return 1;
  } finally {
    console.log("Stopping.");
    await stack.stop();
  }
}

async function tell(stack: Stack, signal: AbortSignal): Promise<boolean> {
  const began = performance.now();
  console.log(renderHead());
  const chapters = await tellStory({
    stack: stack.description,
    // Who has pressed Ctrl-C has made the rest of the story fail.
    tell: chapter => signal.aborted || console.log(renderChapter(chapter)),
    noDirectWay: reason =>
      console.log(`     Not taken: the direct way, from a link address of this machine: ${reason}.`),
    signal,
  });
  const good = chapters.filter(chapter => chapter.ok).length;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const isWhole = chapters.at(-1)?.step === storyLength;
  const isGood = isWhole && good === chapters.length;
  console.log(
    `\n${good} of ${chapters.length} as expected, in ${seconds} s${isWhole ? "" : "; the story was cut short"}.\n`,
  );
  return isGood;
}

function readOptions(): { once: boolean; "no-story": boolean; "no-portal": boolean; help: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: "boolean", default: false },
        "no-story": { type: "boolean", default: false },
        "no-portal": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return undefined;
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>(done => signal.addEventListener("abort", () => done(), { once: true }));
}
