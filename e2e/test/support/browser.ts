import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { StackDescription } from "./stack.ts";

const OWN = join(import.meta.dirname, "../../../.cache/chromium/bin/chromium");

/** The Chromium to test with: the machine's own, or what setup has unpacked; undefined where there is neither. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const own = folders.flatMap(folder => ["chromium", "chromium-browser"].map(name => join(folder, name)));
  return [...own, OWN].find(file => existsSync(file));
}

/** Why tests in a browser are skipped, where they are. */
export const NO_BROWSER = "setup could not get Chromium";

/** Milliseconds that Chromium may take to start, on a machine that is busy with everything else. */
const START_LIMIT = 180_000;

/** A browser without windows. @throws Error where there is none */
export function openBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(NO_BROWSER);
  return chromium.launch({ executablePath, timeout: START_LIMIT });
}

/** What a page must never do: break its own security policy, or fail where nobody sees it. */
export interface Watched {
  readonly page: Page;
  /** What the browser said against it. */
  readonly complaints: string[];
}

/**
 * Signs a person in, by the sign-in page's own form, and waits until the portal shows the page that was asked for.
 * @param path with the query
 */
export async function signInToPortal(
  context: BrowserContext,
  stack: StackDescription,
  person: string,
  path: string,
): Promise<Watched> {
  const { url, people } = stack.portal;
  const who = people[person];
  if (url === undefined || who === undefined) throw new Error(`stack.json has no portal, or nobody called ${person}`);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", error => complaints.push(error.message));
  page.on("console", message => {
    if (/Content.Security.Policy|hydrat/i.test(message.text())) complaints.push(message.text());
  });
  await page.goto(url + path);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("User name").fill(who.user);
  await page.getByLabel("Password").fill(who.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  return { page, complaints };
}
