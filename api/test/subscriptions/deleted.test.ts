import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NrpDouble } from "../reconcile/kit.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import { ACCOUNT_BODY, accountPath, expectStatus, nextLinkId, proxyBody } from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";
import { until } from "../support/until.ts";

const ACCOUNTS = 12;

let api: TestApi;
let nrp: NrpDouble;
let gate: TestGate;
let count = 0;

beforeAll(async () => {
  nrp = new NrpDouble();
  api = await startTestApi({ nrpClient: nrp });
  gate = api.gate();
});
afterAll(() => api.stop());

const announce = (subscription: string, state: string): Promise<Answer> =>
  api.anonymous.put(
    `/subscriptions/${subscription}`,
    { state, registrationDate: "", properties: {} },
    { apiVersion: "2.0" },
  );
const list = async (subscription: string): Promise<{ id: string; properties: { provisioningState: string } }[]> =>
  (await api.customer.get(`/subscriptions/${subscription}/providers/Microsoft.HealthcareApis/services`)).body.value;

async function fill(accounts = ACCOUNTS): Promise<{ subscription: string; names: string[]; links: number[] }> {
  count += 1;
  const subscription = `gone-${count}`;
  const names = Array.from({ length: accounts }, (_, index) => `gone${count}-${index}`);
  const links = names.map(nextLinkId);
  for (const [index, name] of names.entries()) {
    const path = accountPath(name, subscription);
    expectStatus(await api.nrp.put(path, ACCOUNT_BODY), 201);
    const body = proxyBody(name, "auto", [links[index] ?? 0]);
    expectStatus(await api.nrp.put(`${path}/privateEndpointConnectionProxies/${name}`, body), 201);
  }
  await gate.catchUp();
  return { subscription, names, links };
}

/** The gates follow meanwhile: accounts are taken one by one. */
const isGone = (subscription: string) => async () => {
  await gate.catchUp();
  return (await announce(subscription, "Deleted")).status === 200;
};

describe("a deleted subscription", () => {
  it("takes its accounts along: the gates, NRP, and only then the names and links (like any DELETE)", async () => {
    const { subscription, names, links } = await fill();
    const first = await announce(subscription.toUpperCase(), "Deleted");
    expect(first.status).toBe(202);
    expect(first.headers["retry-after"]).toBe("1");
    expect(first.body.state).toBe("Deleted");

    await until("every account to be on its way out", async () => {
      return (await list(subscription)).every(account => account.properties.provisioningState === "Deleting");
    });
    await until("NRP to be told of every connection", async () => new Set(nrp.told).size >= ACCOUNTS);
    expect(new Set(nrp.told)).toEqual(new Set(names.map(name => `${name} ${name}`)));
    // The gates have not acknowledged: nothing is free, and ARM is asked to come back.
    expect((await list(subscription)).length).toBe(ACCOUNTS);
    expect((await announce(subscription, "Deleted")).status).toBe(202);
    const taken = await api.nrp.put(accountPath(names[0] ?? "", "somebody-else"), ACCOUNT_BODY);
    expect(taken.body.error.code).toBe("NameNotAvailable");

    await gate.catchUp();
    for (const name of names) expect(gate.table.has(name)).toBe(false);
    await until("the accounts to be gone", isGone(subscription));
    expect(await list(subscription)).toEqual([]);
    const reused = await fill(1);
    expect(reused.links[0]).not.toBe(links[0]);
    expectStatus(await api.nrp.put(accountPath(names[0] ?? "", "somebody-else"), ACCOUNT_BODY), 201);
  });

  it("goes on where it was when the api dies in the middle, and needs no further call of ARM's", async () => {
    const { subscription } = await fill();
    nrp.isAway = true;
    expect((await announce(subscription, "Deleted")).status).toBe(202);
    await api.restart();
    await until("every account to be on its way out", async () => {
      await gate.catchUp();
      return (await list(subscription)).every(account => account.properties.provisioningState === "Deleting");
    });
    expect((await list(subscription)).length).toBe(ACCOUNTS);
    await api.restart();
    nrp.isAway = false;
    await until("the accounts to be gone", async () => {
      await gate.catchUp();
      return (await list(subscription)).length === 0;
    });
    await until("ARM to hear so", isGone(subscription));
  });

  it("lets no account in while it goes, nor one that was on its way when it was announced", async () => {
    const { subscription } = await fill(2);
    const names = Array.from({ length: 12 }, (_, index) => `late${count}-${index}`);
    const puts = names.map(name => api.nrp.put(accountPath(name, subscription), ACCOUNT_BODY));
    const announced = announce(subscription, "Deleted");
    const answers = await Promise.all(puts);
    await announced;
    for (const answer of answers) expect([201, 400], answer.text).toContain(answer.status);
    expect((await api.nrp.put(accountPath(`late${count}-last`, subscription), ACCOUNT_BODY)).body.error.code).toBe(
      "InvalidSubscriptionState",
    );
    await until("every account to be gone", isGone(subscription));
    expect(await list(subscription)).toEqual([]);
  });

  it("may come back: what has begun to go goes, what comes then stays", async () => {
    const { subscription, names } = await fill(2);
    expect((await announce(subscription, "Deleted")).status).toBe(202);
    await until("every account to be on its way out", async () => {
      return (await list(subscription)).every(account => account.properties.provisioningState === "Deleting");
    });
    await announce(subscription, "Registered");
    expectStatus(await api.nrp.put(accountPath(`back${count}`, subscription), ACCOUNT_BODY), 201);
    expect((await api.nrp.put(accountPath(names[0] ?? "", subscription), ACCOUNT_BODY)).body.error.code).toBe(
      "AnotherOperationInProgress",
    );
    await until("the old accounts to be gone", async () => {
      await gate.catchUp();
      return (await list(subscription)).length === 1;
    });
    expect((await announce(subscription, "Registered")).status).toBe(200);
  });

  it("leaves every other subscription alone", async () => {
    const mine = await fill(1);
    const other = await fill(1);
    await announce(mine.subscription, "Deleted");
    await until("the account to be gone", isGone(mine.subscription));
    expect((await list(other.subscription)).map(account => account.properties.provisioningState)).toEqual([
      "Succeeded",
    ]);
    expect(gate.table.has(other.names[0] ?? "")).toBe(true);
  });
});
