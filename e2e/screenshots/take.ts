import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { openBrowser, signInToPortal } from "../test/support/browser.ts";
import { signIn } from "../test/support/clients.ts";
import { endpointTo, findLink } from "../test/support/endpoints.ts";
import { askGate } from "../test/support/gate.ts";
import { startStack } from "../test/support/stack.ts";

// `npm run screenshots`: pictures of every page, in light and in dark, into docs/portal, from a stack with a few requests in it.

const FOLDER = join(import.meta.dirname, "../../docs/portal");
const REQUESTS = [
  ["contoso", "ward-7-imaging", "Radiology of ward 7 needs access to the imaging service."],
  ["contoso", "partner-lab", "Our laboratory sends results for your patients."],
  ["fabrikam", "research-vnet", "Study 2026-114, approved by the board."],
] as const;
/** Requests that come through each endpoint, to both gates in turn. */
const ASKED = 12;
const SIZE = { width: 1280, height: 800 };

mkdirSync(FOLDER, { recursive: true });
const [stack, browser] = await Promise.all([startStack({}, { portal: true }), openBrowser()]);
try {
  await fill();
  for (const colorScheme of ["light", "dark"] as const) {
    const looks = { locale: "en-GB", colorScheme, reducedMotion: "reduce", viewport: SIZE } as const;
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...looks });
    const { page } = await signInToPortal(context, stack.description, "data-admin", "/");
    const take = (name: string) => page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}.png`) });
    for (const name of ["home", "connections", "accounts", "denials", "traffic", "history", "gates", "diagnose"]) {
      await open(page, name === "home" ? "/" : `/${name}${name === "connections" ? "?state=" : ""}`);
      // What the gates have seen comes by itself, a second later.
      if (name === "denials" || name === "traffic") await page.getByRole("table").first().waitFor();
      await take(name);
    }
    await open(page, "/connections?state=Pending");
    await page.getByRole("row").getByRole("checkbox").nth(1).check();
    await page
      .getByRole("group", { name: "What to do with the selection" })
      .getByRole("button", { name: "Approve" })
      .click();
    await page.getByRole("dialog").waitFor();
    await take("decide");
    await open(page, "/connections?state=Approved");
    await page.getByRole("row").getByRole("link").first().click();
    await page.getByRole("heading", { name: "What is known" }).waitFor();
    await untilRead(page);
    await take("connection");
    await context.close();
  }
} finally {
  await browser.close();
  await stack.stop();
}

/** Accounts, requests for them, one that is approved, and what customers do meanwhile. */
async function fill(): Promise<void> {
  const { description } = stack;
  const { resourceGroup } = description.arm;
  const { health } = signIn(description, "contributor");
  const { network } = signIn(description, "network-contributor");
  for (const account of ["contoso", "fabrikam"]) {
    await health.services.beginCreateOrUpdateAndWait(resourceGroup, account, {
      location: "westus2",
      kind: "fhir-R4",
      properties: { publicNetworkAccess: "Disabled" },
    });
  }
  for (const [account, name, requestMessage] of REQUESTS) {
    const target = (await health.services.get(resourceGroup, account)).id ?? "";
    const endpoint = endpointTo(description, target, true);
    for (const each of endpoint.manualPrivateLinkServiceConnections ?? []) each.requestMessage = requestMessage;
    await network.privateEndpoints.createOrUpdate(resourceGroup, name, endpoint);
  }
  for await (const { name = "" } of health.privateEndpointConnections.listByService(resourceGroup, "contoso")) {
    if (!name.startsWith("partner-lab")) continue;
    await health.privateEndpointConnections.beginCreateOrUpdateAndWait(resourceGroup, "contoso", name, {
      privateLinkServiceConnectionState: { status: "Approved", description: "Contract 4411, until 2027" },
    });
  }
  for (const [account, name] of REQUESTS) {
    const { linkAddress } = await findLink(description, signIn(description, "contributor"), name);
    const host = `${account}.${description.zone.private}`;
    for (let n = 0; n < ASKED; n++) await askGate(description, host, linkAddress, n % 3 === 0 ? "envoy" : "nginx");
  }
}

async function open(page: Page, path: string): Promise<void> {
  await page.goto(`${stack.description.portal.url}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await untilRead(page);
}

/** Until nothing is being read any more. */
async function untilRead(page: Page): Promise<void> {
  await page.waitForLoadState("load");
  await page.getByRole("progressbar").first().waitFor({ state: "detached" });
}
