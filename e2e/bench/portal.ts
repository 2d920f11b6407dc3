import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { openBrowser, signInToPortal } from "../test/support/browser.ts";
import { signIn } from "../test/support/clients.ts";
import { fillConnections } from "../test/support/many.ts";
import { startStack } from "../test/support/stack.ts";

// `npm run bench -- portal`: what a person waits for at the production build of the portal, in Chromium, with many connections.

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "10000" },
    rounds: { type: "string", default: "10" },
  },
});
const ACCOUNT = "contoso";
const PAGES = ["/", "/connections?state="];
const rounds = Number(values.rounds);

const [stack, browser] = await Promise.all([startStack({}, { portal: true }), openBrowser()]);
try {
  const { description } = stack;
  await signIn(description, "contributor").health.services.beginCreateOrUpdateAndWait(
    description.arm.resourceGroup,
    ACCOUNT,
    { location: "westus2", kind: "fhir-R4", properties: { publicNetworkAccess: "Disabled" } },
  );
  await fillConnections(stack, ACCOUNT, Number(values.connections), ["Rejected", "Disconnected"]);
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB" });
  const { page } = await signInToPortal(context, description, "data-admin", PAGES[0] ?? "/");

  for (const path of PAGES) {
    const visits: Visit[] = [];
    for (let round = 0; round < rounds; round++) visits.push(await visit(context, page, description.portal.url + path));
    const bytes = visits.map(each => each.bytes / 1000);
    console.log(
      `${path}: scripts ${show(bytes, "kB")}; painted with its data ${show(visits.map(each => each.painted))}; ` +
        `nothing keeps the page busy any more ${show(visits.map(each => each.idle))}`,
    );
  }
  await page.goto(`${description.portal.url}/connections?state=&sort=name`);
  await page
    .getByRole("link", { name: /^many-/ })
    .first()
    .waitFor();
  const filters: number[] = [];
  const searches: number[] = [];
  const sorts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    filters.push(await measure(page, "Rejected", "click"), await measure(page, "Rejected", "click"));
    sorts.push(await measure(page, "Connection name", "click"), await measure(page, "Connection name", "click"));
    searches.push(await measure(page, String(round + 1), "input"));
  }
  console.log(
    `${values.connections} connections, from the click to the paint: filter ${show(filters)}; order ${show(sorts)}`,
  );
  console.log(`from the last key of a search, which waits 200 ms for another one: ${show(searches)}`);
  console.log(
    `load ${loadavg()
      .map(each => each.toFixed(1))
      .join(" ")}`,
  );
} finally {
  await browser.close();
  await stack.stop();
}

interface Visit {
  /** Compressed, of all scripts. */
  readonly bytes: number;
  /** Milliseconds from the beginning of the navigation. */
  readonly painted: number;
  readonly idle: number;
}

/** Loads a page as somebody does who has never been there, but is signed in. */
async function visit(context: BrowserContext, page: Page, url: string): Promise<Visit> {
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const scripts = new Set<string>();
  let bytes = 0;
  session.on("Network.responseReceived", ({ requestId, type }) => type === "Script" && scripts.add(requestId));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (scripts.has(requestId)) bytes += encodedDataLength;
  });
  await page.goto(url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  const times = await page.evaluate(`new Promise(resolve => {
    let busy = 0;
    const observer = new PerformanceObserver(list => {
      for (const entry of list.getEntries()) busy = Math.max(busy, entry.startTime + entry.duration);
    });
    observer.observe({ type: "longtask", buffered: true });
    const look = () => {
      if (document.querySelector("main [role=progressbar]")) return requestAnimationFrame(look);
      const painted = performance.now();
      // Whatever is long has ended by then, and been told.
      setTimeout(() => resolve({ painted, idle: Math.max(painted, busy) }), 1000);
    };
    requestAnimationFrame(look);
  })`);
  await session.detach();
  return { bytes, ...(times as { painted: number; idle: number }) };
}

/** Milliseconds from an input until the rows, or that there are none, have been painted for it. */
async function measure(page: Page, what: string, event: "click" | "input"): Promise<number> {
  await page.evaluate(`void (window.measured = new Promise(resolve => {
    const main = document.querySelector("main");
    const rowsOf = () => main.querySelector("tbody")?.textContent ?? "none";
    const rows = rowsOf();
    addEventListener(${JSON.stringify(event)}, ({ timeStamp }) => {
      const observer = new MutationObserver(() => {
        if (rowsOf() === rows) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - timeStamp)));
      });
      observer.observe(main, { childList: true, subtree: true, characterData: true });
    }, { capture: true, once: true });
  }))`);
  if (event === "click") await page.getByRole("button", { name: what }).first().click();
  else await page.getByRole("searchbox").fill(`many-${what.padStart(2, "0")}`);
  return (await page.evaluate("window.measured")) as number;
}

/** Median, and the middle half. */
function show(values: readonly number[], unit = "ms"): string {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(0);
  return `${at(0.5)} ${unit} (${at(0.25)}-${at(0.75)})`;
}
