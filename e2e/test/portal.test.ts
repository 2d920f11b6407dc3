import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { findChromium, NO_BROWSER } from "./support/browser.ts";
import { actionsOf, decide, LIMIT, rowOf, usePortal } from "./support/portal.ts";

// A person in a browser, the whole stack behind it, real gates.

describe.skipIf(findChromium() === undefined)(`portal (skipped where ${NO_BROWSER})`, () => {
  const world = usePortal();

  const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name }).waitFor();

  test("a request appears by itself, is approved, in force, used, removed, and denied again", async () => {
    const { page, complaints } = await world.open("data-admin", "/connections?state=");
    await heading(page, "Connections");
    const { endpoint, ask } = await world.request("contoso");
    const row = rowOf(page, endpoint);
    await row.getByText("Pending").waitFor();
    expect(await ask()).toMatchObject({ verdict: "deny", status: 403 });

    await row.getByRole("checkbox").check();
    await decide(page, "Approve", "partner of ward 7");
    await row.getByText("In force at 2 of 2 gates").waitFor();
    expect(await ask()).toMatchObject({ verdict: "allow", status: 200, reason: "private-link" });

    await row.getByRole("link").click();
    await page.getByRole("heading", { name: "What is known" }).waitFor();
    await page.getByText("partner of ward 7").first().waitFor();
    await decide(page, "Remove", "the contract has ended");
    await page.getByText("the contract has ended").first().waitFor();
    await world.visit(page, "/connections?state=");
    await heading(page, "Connections");
    await rowOf(page, endpoint).waitFor({ state: "detached" });
    expect(await ask()).toMatchObject({ verdict: "deny", status: 403 });

    await page.getByRole("navigation").getByRole("link", { name: "History" }).click();
    const decision = page.getByRole("row").filter({ hasText: "the contract has ended" });
    await decision.getByText("Dana Ortiz, in the portal").waitFor();
    expect(complaints).toEqual([]);
  });

  test.each(["nginx", "envoy"] as const)(
    "what the gate %s sees shows up by itself: denied while it waits, used while it may, denied when it is removed",
    async gate => {
      const { page, complaints } = await world.open("data-admin", "/denials");
      const { endpoint, ask } = await world.request("fabrikam");
      expect(await ask(gate)).toMatchObject({ verdict: "deny", status: 403 });
      const denied = page.getByRole("table", { name: "Where denied requests came from" }).getByRole("row");
      const pending = denied.filter({ hasText: `Your pending connection ${endpoint}.` });
      await pending.getByText("private-link-not-enabled").waitFor();
      await page.getByText(/Somebody is waiting for your decision/).waitFor();

      await pending.getByRole("link", { name: endpoint }).click();
      await page.getByRole("heading", { name: "What is known" }).waitFor();
      await decide(page, "Approve", "partner of ward 7");
      await page.getByText("In force at 2 of 2 gates").waitFor();
      expect(await ask(gate)).toMatchObject({ verdict: "allow", status: 200 });
      await page.getByText("Not within 90 days").waitFor({ state: "detached" });
      await actionsOf(page).getByRole("button", { name: "Remove" }).click();
      const removal = page.getByRole("dialog", { name: "Remove this connection?" });
      await removal.getByText("The last request that was let through came on").waitFor();
      await removal.getByLabel("Comment").fill("the contract has ended");
      await removal.getByRole("button", { name: "Remove" }).click();
      await removal.waitFor({ state: "detached" });

      await world.visit(page, "/connections?state=&account=fabrikam");
      await rowOf(page, endpoint).waitFor({ state: "detached" });
      await world.visit(page, "/denials");
      expect(await ask(gate)).toMatchObject({ verdict: "deny", status: 403 });
      await denied
        .filter({ hasText: `Your removed connection ${endpoint}.` })
        .first()
        .waitFor();
      expect(complaints).toEqual([]);
    },
  );

  test("a rejection asks why, and says that there is no way back", async () => {
    const { page, complaints } = await world.open("data-admin", "/connections");
    const { endpoint, ask } = await world.request("fabrikam");
    await rowOf(page, endpoint).getByRole("checkbox").check();
    await actionsOf(page).getByRole("button", { name: "Reject" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("its owner has to ask again").waitFor();
    await dialog.getByRole("button", { name: "Reject" }).click();
    await dialog.getByText("Say why.").waitFor();
    await dialog.getByLabel("Comment").fill("nobody we know");
    await dialog.getByRole("button", { name: "Reject" }).click();
    await dialog.waitFor({ state: "detached" });
    // The list shows what is pending, which this no longer is.
    await rowOf(page, endpoint).waitFor({ state: "detached" });
    expect(await ask()).toMatchObject({ verdict: "deny" });
    expect(complaints).toEqual([]);
  });

  test("many at once, one of which another admin has decided in between: a result for each, that one stays selected", async () => {
    const { page } = await world.open("data-admin", "/connections");
    const first = await world.request("contoso");
    const second = await world.request("contoso");
    for (const { endpoint } of [first, second]) await rowOf(page, endpoint).getByRole("checkbox").check();
    await actionsOf(page).getByRole("button", { name: "Approve" }).click();
    const dialog = page.getByRole("dialog", { name: "Approve 2 connections?" });
    await dialog.waitFor();

    const { resourceGroup } = world.description.arm;
    const all = world.owner.health.privateEndpointConnections.listByService(resourceGroup, "contoso");
    let name = "";
    for await (const each of all) if (each.name?.startsWith(`${second.endpoint}.`)) name = each.name;
    await world.owner.health.privateEndpointConnections.beginCreateOrUpdateAndWait(resourceGroup, "contoso", name, {
      privateLinkServiceConnectionState: { status: "Rejected", description: "not this one" },
    });

    await dialog.getByRole("button", { name: "Approve" }).click();
    await dialog.getByText("1 of 2 were accepted. The others stay selected.").waitFor();
    await dialog.getByText("Nothing has changed.").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    // Accepted is not in force yet.
    await expect.poll(() => first.ask(), { timeout: LIMIT }).toMatchObject({ verdict: "allow" });
    expect(await second.ask()).toMatchObject({ verdict: "deny" });
  });

  test("a reader sees, and every button says why it can not be used", async () => {
    const { endpoint } = await world.request("fabrikam");
    const { page } = await world.open("reader", "/connections");
    await rowOf(page, endpoint).getByRole("checkbox").check();
    const button = actionsOf(page).getByRole("button", { name: "Approve" });
    expect(await button.getAttribute("aria-disabled")).toBe("true");
    await button.hover();
    await page.getByRole("tooltip").getByText("Your roles in Azure do not allow this").waitFor();
  });

  test("who has no rights sees nothing, on every page", async () => {
    const { page } = await world.open("no-rights", "/");
    await page.getByText("Nothing waits for you.").waitFor();
    await world.visit(page, "/connections?state=");
    await page.getByText("Nobody has asked for a private endpoint of your accounts yet.").waitFor();
    await world.visit(page, "/accounts/contoso");
    await page.getByText("This did not work.").waitFor();
    await page.getByText(/Correlation id:/).waitFor();
  });

  test("diagnosis: the gates' own code says what they would do, for one's own accounts alone", async () => {
    const { page } = await world.open("data-admin", "/diagnose");
    const ask = async (address: string, host: string) => {
      await page.getByLabel("Source address").fill(address);
      await page.getByLabel("Host name").fill(host);
      await page.getByRole("button", { name: "Diagnose" }).click();
    };
    await ask("fd40:8913:31:6810:6c31:200:a01:104", "contoso.privatelink.azurehealthcareapis.com");
    await page.getByText("Deny it.").waitFor();
    await page.getByText("10.1.1.4:822088585").waitFor();
    await ask("203.0.113.9", "contoso.azurehealthcareapis.com");
    await page.getByText("public-access-disabled").waitFor();
    await ask("203.0.113.9", "northwind.azurehealthcareapis.com");
    await page.getByText("northwind is no account that you may read.").waitFor();
  });

  test("a platform engineer retires a gate, told what that vouches for; nobody else is offered it", async () => {
    const admin = await world.open("data-admin", "/gates");
    await admin.page.getByRole("row").filter({ hasText: "nginx" }).waitFor();
    expect(await admin.page.getByRole("button", { name: "Retire" }).count()).toBe(0);
    await world.context.clearCookies();

    const { page } = await world.open("platform-engineer", "/gates");
    await page.getByRole("row").filter({ hasText: "nginx" }).getByRole("button", { name: "Retire" }).click();
    const dialog = page.getByRole("dialog", { name: "Retire gate nginx?" });
    await dialog.getByText("You vouch that this process is gone.").waitFor();
    await dialog.getByRole("button", { name: "Retire" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("row").filter({ hasText: "nginx" }).getByText("Retired").waitFor();
    // It was not gone: it starts over, as another one.
    await page.getByRole("row").filter({ hasText: "nginx" }).getByText("Live").waitFor();
  });

  test("headers: a strict policy with a nonce of each answer's own, in nobody's frame", async () => {
    const policies = await Promise.all(
      [1, 2].map(async () => {
        const answer = await world.context.request.get(`${world.description.portal.url}/connections`);
        return answer.headers()["content-security-policy"] ?? "";
      }),
    );
    for (const policy of policies) {
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toMatch(/script-src 'nonce-[^']+' 'strict-dynamic';/);
      expect(policy).not.toContain("unsafe");
    }
    expect(policies[0]).not.toBe(policies[1]);
  });

  test("nothing that gives access outlives the tab", async () => {
    const { page } = await world.open("data-admin", "/");
    await page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
    expect(await page.evaluate("JSON.stringify(localStorage)")).toBe("{}");
    const cookies = await world.context.cookies();
    // The authority's own session is a cookie of the authority; the portal and the API know none.
    expect(cookies.filter(({ httpOnly }) => !httpOnly)).toEqual([]);
  });
});
