import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { findChromium, NO_BROWSER, signInToPortal } from "./support/browser.ts";
import { signIn } from "./support/clients.ts";
import { fillConnections } from "./support/many.ts";
import { actionsOf, LIMIT, openProfile, rowOf, usePortal } from "./support/portal.ts";

// What goes wrong around a person who decides: the session, the api, a gate, another admin; and too many rows.

const MANY = 10_000;

describe.skipIf(findChromium() === undefined)(`portal in trouble (skipped where ${NO_BROWSER})`, () => {
  const world = usePortal();

  test("the session ends in the middle of a dialog: signing in again comes back to it, with what was written", async () => {
    const { endpoint } = await world.request("contoso");
    const path = "/connections?state=Pending%2CApproved&sort=name";
    const { page, complaints } = await world.open("data-admin", path);
    await rowOf(page, endpoint).getByRole("checkbox").check();
    await actionsOf(page).getByRole("button", { name: "Reject" }).click();
    await page.getByRole("dialog").getByLabel("Comment").fill("we were never asked");

    // Two hours later: the access token is over, the authority knows nobody, and what would renew the token is no more.
    await page.clock.setSystemTime(Date.now() + 2 * 3600_000);
    await world.context.clearCookies();
    await page.evaluate(`for (const key of Object.keys(sessionStorage))
      if (key.includes("|refreshtoken|")) sessionStorage.removeItem(key)`);
    // Whatever the page reads by itself meanwhile finds out as well, and the button is off by then.
    await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click({ force: true });
    await page.getByRole("dialog").getByText("Your session has ended, and nothing has been decided.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Sign in again" }).click();

    await page.getByLabel("Password").fill(world.description.portal.people["data-admin"]?.password ?? "");
    await page.clock.setSystemTime(Date.now());
    await page.getByRole("button", { name: "Sign in" }).click();
    const dialog = page.getByRole("dialog", { name: "Reject this connection?" });
    await dialog.getByText(endpoint, { exact: false }).first().waitFor();
    expect(await dialog.getByLabel("Comment").inputValue()).toBe("we were never asked");
    expect(new URL(page.url()).search).toBe("?state=Pending%2CApproved&sort=name");
    await dialog.getByRole("button", { name: "Reject" }).click();
    await rowOf(page, endpoint).waitFor({ state: "detached" });
    // It comes back once: nothing is left of it.
    expect(await page.evaluate("sessionStorage.getItem('linkgate.draft')")).toBeNull();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Connections" }).waitFor();
    await page.getByRole("table").or(page.getByText("No connection fits these filters.")).first().waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("the api dies under an open page: that is said, what is shown stays, and goes on by itself", async () => {
    const before = await world.request("contoso");
    const { page } = await world.open("data-admin", "/connections");
    await rowOf(page, before.endpoint).waitFor();
    const text = "Changes do not arrive by themselves right now.";
    // Noted by the page itself: it is said for no longer than the api is away, and this process may stand still meanwhile.
    await page.evaluate(`window.isSamePage = true;
      new MutationObserver(() => { window.wasSaid ||= document.body.innerText.includes("${text}"); })
        .observe(document.body, { childList: true, subtree: true, characterData: true })`);
    world.stack.crash("api");
    await expect.poll(() => page.evaluate("window.wasSaid"), { timeout: LIMIT }).toBe(true);
    await rowOf(page, before.endpoint).waitFor();
    await page.getByText(text).waitFor({ state: "detached" });
    const after = await world.request("contoso");
    await rowOf(page, after.endpoint).waitFor();
    expect(await page.evaluate("window.isSamePage")).toBe(true);
  });

  test("two admins at once: the second is told what has changed, who did it, and why", async () => {
    const { resourceGroup, subscriptionId } = world.description.arm;
    const scope = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.HealthcareApis/services/fabrikam`;
    await grantDecisions(scope, "0b1ec700-2222-4f6a-9a10-000000000002");
    const [one, other] = [await world.request("fabrikam"), await world.request("fabrikam")];
    const second = await openProfile(world.browser);
    try {
      const dana = (await world.open("data-admin", "/connections?account=fabrikam")).page;
      const ravi = (await signInToPortal(second, world.description, "reader", "/connections?account=fabrikam")).page;
      for (const { endpoint } of [one, other]) await rowOf(dana, endpoint).getByRole("checkbox").check();
      await actionsOf(dana).getByRole("button", { name: "Approve" }).click();
      const dialog = dana.getByRole("dialog", { name: "Approve 2 connections?" });
      await dialog.waitFor();

      await rowOf(ravi, other.endpoint).getByRole("checkbox").check();
      await actionsOf(ravi).getByRole("button", { name: "Reject" }).click();
      await ravi.getByRole("dialog").getByLabel("Comment").fill("their contract has ended");
      await ravi.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
      await ravi.getByRole("dialog").waitFor({ state: "detached" });

      // Before anything is sent, her open dialog says so.
      const changed = dialog.getByRole("listitem").filter({ hasText: `${other.endpoint}.` });
      await changed.getByText("This has changed since you opened this dialog.").waitFor();
      await changed.getByText("from Pending to Rejected, by Ravi Rao, in the portal").waitFor();
      await dialog.getByRole("button", { name: "Approve" }).click();
      await dialog.getByText("1 of 2 were accepted.").waitFor();
      await changed.getByText("Nothing has changed.").waitFor();
      await changed.getByText("from Pending to Rejected, by Ravi Rao, in the portal").waitFor();
      await changed.getByText("their contract has ended").waitFor();
      await dialog.getByRole("button", { name: "Close" }).click();
      // Accepted is not in force yet.
      await expect.poll(() => one.ask(), { timeout: LIMIT }).toMatchObject({ verdict: "allow" });
      expect(await other.ask()).toMatchObject({ verdict: "deny" });
    } finally {
      await second.close();
    }
  });

  test("a row follows its operation: it names the gate that is behind, until that has the change", async () => {
    const { endpoint } = await world.request("contoso");
    const { page } = await world.open("data-admin", "/connections?state=&search=pe-");
    const row = rowOf(page, endpoint);
    await row.getByRole("checkbox").check();
    await actionsOf(page).getByRole("button", { name: "Approve" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    await row.getByText("In force at 2 of 2 gates").waitFor();

    // One more process of the gate called envoy, which has the table and does not ask again.
    const gate = { gate: "envoy", incarnation: randomBytes(16).toString("hex"), maxAge: "3600" };
    let cursor = "";
    for (let line = ""; !line.endsWith("done"); ) {
      const lines = (await askFeed({ ...gate, cursor, wait: "0" })).trimEnd().split("\n");
      line = lines.at(-1) ?? "";
      cursor = line.slice(1, line.indexOf("\t"));
    }
    await askFeed({ ...gate, cursor, wait: "0" });
    await row.getByRole("checkbox").check();
    await actionsOf(page).getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByLabel("Comment").fill("moved elsewhere");
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await row.getByText("Revoking: envoy not yet").waitFor();
    await askFeed({ ...gate, bye: "1" });
    await row.waitFor({ state: "detached" });
  });

  test("ten thousand rows: few are in the document, all can be reached, filtered and sorted", async () => {
    await fillConnections(world.stack, "contoso", MANY);
    const { page, complaints } = await world.open("data-admin", "/connections?state=Rejected&search=many-&sort=name");
    await page.getByRole("button", { name: "Rejected (10,000)" }).waitFor();
    const rows = page.getByRole("row");
    const first = rows.nth(1);
    await first.getByText("many-00001.", { exact: false }).waitFor();
    expect(await rows.count()).toBeLessThan(60);

    // To the end of this page of the list, and on to the next one.
    await page.getByRole("region", { name: "Connections" }).press("End");
    await page.getByRole("link", { name: /^many-00200\./ }).waitFor();
    expect(await rows.count()).toBeLessThan(60);
    await page.getByRole("button", { name: "Next page" }).click();
    await page.getByRole("link", { name: /^many-00201\./ }).waitFor();

    await page.getByRole("button", { name: "Connection name" }).click();
    await page.getByRole("link", { name: /^many-10000\./ }).waitFor();
    await page.getByLabel("Search").fill("many-0777");
    await page.getByRole("button", { name: "Rejected (10)" }).waitFor();
    await expect.poll(() => page.getByRole("link", { name: /^many-0777/ }).count(), { timeout: LIMIT }).toBe(10);
    expect(complaints).toEqual([]);
  });

  /** Lets a person decide at an account, as an owner of it can. */
  async function grantDecisions(scope: string, principalId: string): Promise<void> {
    const { authorization } = signIn(world.description, "owner");
    const roles = authorization.roleDefinitions.list(scope, { filter: "roleName eq 'Private Link Data Admin'" });
    let roleDefinitionId = "";
    for await (const { id = "" } of roles) roleDefinitionId = id;
    await authorization.roleAssignments.create(scope, "0b1ec700-3333-4f6a-9a10-000000000001", {
      roleDefinitionId,
      principalId,
    });
  }

  /** Speaks to the feed as a process of the gate called envoy. */
  async function askFeed(query: Record<string, string>): Promise<string> {
    const { url, tokens } = world.description.feed;
    const answer = await fetch(`${url}/gate/v1/changes?${new URLSearchParams(query)}`, {
      headers: { authorization: `Bearer ${tokens.envoy}` },
    });
    const text = await answer.text();
    expect(answer.ok, text).toBe(true);
    return text;
  }
});
