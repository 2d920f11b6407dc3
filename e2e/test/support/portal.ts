import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, onTestFailed, vi } from "vitest";
import { openBrowser, signInToPortal, type Watched } from "./browser.ts";
import { type AzureClients, signIn } from "./clients.ts";
import { endpointTo, findLink } from "./endpoints.ts";
import { askGate } from "./gate.ts";
import { type Stack, type StackDescription, startStack } from "./stack.ts";

/** The accounts that the data admin decides for. */
export const ACCOUNTS = ["contoso", "fabrikam"];
/**
 * Milliseconds that a page may take to show something: no figure of the product's, but more than a machine takes on which
 * browser, portal, api, database and gates stand still for 20 s, one after the other.
 */
export const LIMIT = 120_000;
/** Milliseconds of a test, or of what comes before the first: long enough for a wait's own limit to say first what did not come. */
const TEST_LIMIT = 600_000;

/** A private endpoint that a customer has asked for. */
export interface Requested {
  readonly endpoint: string;
  /** Sends a request through it, to the gate; gives the line of the access log. */
  ask(gate?: keyof StackDescription["gates"]): Promise<unknown>;
}

/** A stack with the portal and two accounts, and a browser at it: of one test file, with a new profile for each test. */
export interface PortalWorld {
  readonly description: StackDescription;
  /** The stack behind the portal. */
  readonly stack: Stack;
  /** Who administers the accounts' services at ARM. */
  readonly owner: AzureClients;
  readonly browser: Browser;
  /** The browser's profile of this test. */
  readonly context: BrowserContext;
  /** Signs in as one of the sandbox's people. @param path with the query */
  open(person: string, path: string): Promise<Watched>;
  /** Goes to a page, by its URL. */
  visit(page: Page, path: string): Promise<void>;
  /** A customer asks for a private endpoint. */
  request(account: string): Promise<Requested>;
}

/** Brings the world up before the tests of a file, and down after them. @param settings of the stack */
export function usePortal(settings: Record<string, string> = {}): PortalWorld {
  vi.setConfig({ testTimeout: TEST_LIMIT });
  let stack: Stack;
  let owner: AzureClients;
  let visitor: AzureClients;
  let browser: Browser;
  let context: BrowserContext;
  let count = 0;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([startStack(settings, { portal: true }), openBrowser()]);
    owner = signIn(stack.description, "contributor");
    visitor = signIn(stack.description, "network-contributor");
    for (const name of ACCOUNTS) {
      await owner.health.services.beginCreateOrUpdateAndWait(stack.description.arm.resourceGroup, name, {
        location: "westus2",
        kind: "fhir-R4",
        properties: { publicNetworkAccess: "Disabled" },
      });
    }
  }, TEST_LIMIT);
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  }, TEST_LIMIT);
  beforeEach(async () => {
    context = await openProfile(browser);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await describePages(context);
    await context.close();
  });

  return {
    get description() {
      return stack.description;
    },
    get stack() {
      return stack;
    },
    get owner() {
      return owner;
    },
    get browser() {
      return browser;
    },
    get context() {
      return context;
    },
    async open(person, path) {
      const watched = await signInToPortal(context, stack.description, person, path);
      onTestFailed(() => console.log(watched.complaints));
      return watched;
    },
    async visit(page, path) {
      await page.goto(`${stack.description.portal.url}${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
    },
    async request(account) {
      const { resourceGroup } = stack.description.arm;
      const endpoint = `pe-${++count}`;
      const target = (await owner.health.services.get(resourceGroup, account)).id ?? "";
      await visitor.network.privateEndpoints.createOrUpdate(
        resourceGroup,
        endpoint,
        endpointTo(stack.description, target, true),
      );
      const link = await findLink(stack.description, owner, endpoint);
      const host = `${account}.${stack.description.zone.private}`;
      return { endpoint, ask: async gate => (await askGate(stack.description, host, link.linkAddress, gate)).line };
    },
  };
}

/** Prints what the pages of a test that failed had come to. */
async function describePages(context: BrowserContext): Promise<void> {
  for (const page of context.pages()) {
    const text = await page.evaluate("document.body.innerText").catch(String);
    console.log(`${page.url()}\n${text}`);
  }
}

/** A browser profile that knows nobody yet. */
export async function openProfile(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB" });
  context.setDefaultTimeout(LIMIT);
  return context;
}

/** The row of an endpoint's connection. */
export function rowOf(page: Page, endpoint: string): Locator {
  return page.getByRole("row").filter({ hasText: `${endpoint}.` });
}

/** Approve, Reject, Remove, Refresh. */
export function actionsOf(page: Page): Locator {
  return page.getByRole("group", { name: "What to do with the selection" });
}

/** Takes a decision about what is selected, by the dialog, and waits until that has closed. */
export async function decide(page: Page, action: "Approve" | "Reject" | "Remove", comment: string): Promise<void> {
  await actionsOf(page).getByRole("button", { name: action }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Comment").fill(comment);
  await dialog.getByRole("button", { name: action }).click();
  await dialog.waitFor({ state: "detached" });
}
