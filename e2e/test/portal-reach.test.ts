import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { findChromium, NO_BROWSER } from "./support/browser.ts";
import { actionsOf, LIMIT, rowOf, usePortal } from "./support/portal.ts";

// Who can use the portal: every theme under axe, narrow and enlarged pages, a keyboard alone; and how much a first visit loads.

const PAGES = [
  "/",
  "/connections?state=",
  "/accounts",
  "/accounts/contoso",
  "/denials",
  "/traffic",
  "/history",
  "/gates",
  "/diagnose",
  "/no-such-page",
];
/** Light and dark, and the colours that Windows puts in the place of all others in its high contrast. */
const LOOKS = [
  ["light", { colorScheme: "light", forcedColors: "none" }],
  ["dark", { colorScheme: "dark", forcedColors: "none" }],
  ["high contrast", { colorScheme: "dark", forcedColors: "active" }],
] as const;
/** Bytes of compressed scripts that a page may need before it can be used. */
const SCRIPTS = 300_000;

describe.skipIf(findChromium() === undefined)(`reach of the portal (skipped where ${NO_BROWSER})`, () => {
  const world = usePortal();

  /** Goes to a page, and waits until nothing is being read any more. */
  async function visit(page: Page, path: string): Promise<void> {
    await world.visit(page, path);
    await expect.poll(() => page.getByRole("progressbar").count(), { timeout: LIMIT }).toBe(0);
  }

  test.each(LOOKS)("axe finds nothing on any page, in the menu, nor in a dialog: %s", async (_look, media) => {
    const { endpoint } = await world.request("contoso");
    const { page, complaints } = await world.open("data-admin", "/");
    await page.emulateMedia({ ...media, reducedMotion: "reduce" });
    const found: string[] = [];
    const examine = async (where: string, part = "body") => {
      // Fluent's focus library puts unseen stops around what it moves the focus in, and takes the focus on from them.
      const { violations } = await new AxeBuilder({ page }).include(part).exclude("[data-tabster-dummy]").analyze();
      for (const { id, nodes } of violations) found.push(`${where}: ${id}: ${nodes.map(node => node.html).join("; ")}`);
    };
    for (const path of PAGES) {
      await visit(page, path);
      await examine(path);
    }
    await page.getByRole("button", { name: "Dana Ortiz" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
    await examine("menu");
    await visit(page, "/connections");
    await rowOf(page, endpoint).getByRole("link").click();
    await page.getByRole("heading", { name: "What is known" }).waitFor();
    await examine("connection");
    await actionsOf(page).getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").waitFor();
    // What stands behind an open dialog is dimmed, and out of reach.
    await examine("dialog", "[role=dialog]");
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("320 px wide, or enlarged fourfold: pages do not scroll sideways", async () => {
    const { page } = await world.open("data-admin", "/");
    await page.setViewportSize({ width: 320, height: 640 });
    for (const path of PAGES) {
      await visit(page, path);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width, path).toBeLessThanOrEqual(320);
    }
  });

  test("by keyboard alone: sign in, find a request, reject it with a reason, sign out", async () => {
    const { endpoint } = await world.request("fabrikam");
    const { portal } = world.description;
    const person = portal.people["data-admin"];
    const page = await world.context.newPage();
    /** Presses Tab until what has the focus is called so. */
    const tabTo = async (role: Parameters<Page["getByRole"]>[0], name: string | RegExp) => {
      const target = page.getByRole(role, { name }).and(page.locator(":focus"));
      for (let stops = 0; stops < 60; stops++) {
        await page.keyboard.press("Tab");
        if ((await target.count()) > 0) return;
      }
      expect.fail(`60 stops, and none is the ${role} ${name}`);
    };
    await page.goto(`${portal.url}/connections`);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await tabTo("button", "Sign in");
    await page.keyboard.press("Enter");
    await page.getByLabel("User name").waitFor();
    await tabTo("textbox", "User name");
    await page.keyboard.type(person?.user ?? "");
    await page.keyboard.press("Tab");
    await page.keyboard.type(person?.password ?? "");
    await page.keyboard.press("Enter");

    await rowOf(page, endpoint).waitFor();
    await tabTo("link", "Skip to the page");
    await page.keyboard.press("Enter");
    await tabTo("searchbox", "Search");
    await page.keyboard.type(endpoint);
    await expect.poll(() => new URL(page.url()).searchParams.get("search"), { timeout: LIMIT }).toBe(endpoint);
    await rowOf(page, endpoint).waitFor();
    await tabTo("checkbox", new RegExp(`Select ${endpoint}\\.`));
    await page.keyboard.press("Space");
    await page.getByText("1 connection selected").waitFor();
    // Back over the table to what can be done.
    for (const button of ["Refresh", "Remove", "Reject"]) {
      const target = actionsOf(page).getByRole("button", { name: button }).and(page.locator(":focus"));
      for (let stops = 0; stops < 30 && (await target.count()) === 0; stops++) await page.keyboard.press("Shift+Tab");
    }
    await page.keyboard.press("Enter");
    // The dialog takes the focus, and would take it away from what has it by then.
    await page.getByRole("dialog").locator(":focus").waitFor();
    await tabTo("textbox", /Comment/);
    await page.keyboard.type("no contract");
    await tabTo("button", "Reject");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await rowOf(page, endpoint).waitFor({ state: "detached" });

    // What became of the decision is said, and keeps nobody from going on.
    await page.getByText(/is rejected, and no gate admits it/).waitFor();
    expect((await new AxeBuilder({ page }).exclude("[data-tabster-dummy]").analyze()).violations).toEqual([]);
    await tabTo("button", "Dismiss");
    await page.keyboard.press("Enter");
    await page.getByText(/is rejected, and no gate admits it/).waitFor({ state: "detached" });

    await tabTo("button", "Dana Ortiz");
    await page.keyboard.press("Enter");
    await page.getByRole("menuitemradio", { name: "Same as this device" }).and(page.locator(":focus")).waitFor();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/logout/);
  });

  test.each(PAGES)("scripts of a first visit to %s", async path => {
    const { page } = await world.open("data-admin", path);
    const session = await world.context.newCDPSession(page);
    await session.send("Network.enable");
    const loading = new Set<string>();
    let bytes = 0;
    session.on("Network.requestWillBeSent", ({ requestId, type }) => {
      if (type === "Script") loading.add(requestId);
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (loading.delete(requestId)) bytes += encodedDataLength;
    });
    session.on("Network.loadingFailed", ({ requestId }) => loading.delete(requestId));
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    await visit(page, path);
    await expect.poll(() => loading.size, { timeout: LIMIT }).toBe(0);
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes, path).toBeLessThanOrEqual(SCRIPTS);
  });
});
