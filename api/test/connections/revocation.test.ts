import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  createAccount,
  decisionBody,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";
import { until } from "../support/until.ts";

let api: TestApi;
let gate: TestGate;
let a: string;
let b: string;
let count = 0;

beforeAll(async () => {
  api = await startTestApi();
  gate = api.gate();
});
afterAll(() => api.stop());

beforeEach(async () => {
  count += 1;
  a = `first${count}`;
  b = `second${count}`;
  await createAccount(api.nrp, a);
  await createAccount(api.nrp, b);
  await gate.catchUp();
});

const put = (account: string, name: string, kind: "manual" | "auto", links: number[]): Promise<Answer> =>
  api.nrp.put(proxyPath(account, name), proxyBody(name, kind, links));

async function settled(account: string, name: string): Promise<void> {
  await until("the operation to end", async () => {
    const answer = await api.customer.get(connectionPath(account, name));
    return answer.status === 404 || answer.body.properties.provisioningState === "Succeeded";
  });
}

describe("link ids", () => {
  it("can't be bound to two connections, in one account or in two", async () => {
    const link = nextLinkId();
    expectStatus(await put(a, "pe1", "manual", [link]), 201);
    for (const answer of [await put(a, "pe2", "manual", [link]), await put(b, "pe1", "auto", [nextLinkId(), link])]) {
      expect(answer).toMatchObject({ status: 409, body: { error: { code: "LinkIdInUse" } } });
      expect(answer.body.error.message).toContain(String(link));
      expect(answer.body.error.message).not.toContain(a);
    }
    expect((await api.customer.get(connectionPath(b, "pe1"))).status).toBe(404);
  });

  it("are free only when their operation has ended", async () => {
    const link = nextLinkId();
    expectStatus(await put(a, "pe", "auto", [link]), 201);
    await gate.catchUp();
    expect(gate.table.get(a)?.linkIds).toEqual([link]);
    expectStatus(await api.nrp.delete(connectionPath(a, "pe")), 202);
    expect((await put(b, "pe", "auto", [link])).body.error.code).toBe("LinkIdInUse");

    await gate.sweep();
    expect(gate.table.get(a)?.linkIds).toEqual([]);
    await gate.sweep();
    await settled(a, "pe");

    expectStatus(await put(b, "pe", "auto", [link]), 201);
    await gate.catchUp();
    expect(gate.table.get(b)?.linkIds).toEqual([link]);
  });

  it("stay with a rejected connection", async () => {
    const link = nextLinkId();
    expectStatus(await put(a, "pe", "auto", [link]), 201);
    expectStatus(await api.nrp.put(connectionPath(a, "pe"), decisionBody("Rejected")), 200);
    await gate.catchUp();
    await settled(a, "pe");
    expect(gate.table.get(a)?.linkIds).toEqual([]);
    expect((await put(b, "pe", "auto", [link])).body.error.code).toBe("LinkIdInUse");
  });

  it("given up by NRP's PUT are revoked first, the new ones are in force at once", async () => {
    const [old, kept, fresh] = [nextLinkId(), nextLinkId(), nextLinkId()];
    expectStatus(await put(a, "pe", "auto", [old, kept]), 201);
    const answer = await put(a, "pe", "auto", [kept, fresh]);
    expect(answer).toMatchObject({
      status: 200,
      body: { status: "Approved", properties: { provisioningState: "Updating" } },
    });
    expect(answer.headers["azure-asyncoperation"]).toBeTruthy();
    expect((await put(b, "pe", "auto", [old])).body.error.code).toBe("LinkIdInUse");
    // The answer was lost: the same PUT again is the same answer. Another one has to wait.
    const again = await put(a, "pe", "auto", [kept, fresh]);
    expect(again).toMatchObject({ status: 200, body: answer.body });
    expect(again.headers["azure-asyncoperation"]).toBe(answer.headers["azure-asyncoperation"]);
    expect((await put(a, "pe", "auto", [old])).body.error.code).toBe("AnotherOperationInProgress");

    await gate.sweep();
    expect(gate.table.get(a)?.linkIds).toEqual([kept, fresh]);
    await gate.sweep();
    await settled(a, "pe");
    expectStatus(await put(b, "pe", "auto", [old]), 201);
  });

  it("added by NRP's PUT need no operation", async () => {
    const [first, second] = [nextLinkId(), nextLinkId()];
    expectStatus(await put(a, "pe", "auto", [first]), 201);
    const answer = await put(a, "pe", "auto", [first, second]);
    expect(answer).toMatchObject({ status: 200, body: { properties: { provisioningState: "Succeeded" } } });
    await gate.sweep();
    expect(gate.table.get(a)?.linkIds).toEqual([first, second]);
  });

  it("of a pending endpoint are exchanged at once: they were never in force", async () => {
    const [first, second] = [nextLinkId(), nextLinkId()];
    expectStatus(await put(a, "pe", "manual", [first]), 201);
    expectStatus(await put(a, "pe", "manual", [second]), 200);
    expectStatus(await put(b, "pe", "manual", [first]), 201);
    await gate.sweep();
    expect(gate.table.get(a)?.linkIds).toEqual([]);
  });
});

describe("a running revocation", () => {
  it("lets nothing be given meanwhile", async () => {
    const link = nextLinkId();
    expectStatus(await put(a, "pe", "auto", [link]), 201);
    await gate.catchUp();
    expectStatus(await api.nrp.put(connectionPath(a, "pe"), decisionBody("Rejected")), 200);
    const resubmitted = await put(a, "pe", "manual", [link]);
    expect(resubmitted).toMatchObject({ status: 409, body: { error: { code: "AnotherOperationInProgress" } } });
    expect(resubmitted.body.error.message).toContain("still running");
    await gate.catchUp();
    await settled(a, "pe");
    expect(await put(a, "pe", "manual", [link])).toMatchObject({ status: 200, body: { status: "Pending" } });
  });

  it("of some link ids doesn't keep an admin from rejecting, nor NRP from deleting", async () => {
    const [old, fresh] = [nextLinkId(), nextLinkId()];
    expectStatus(await put(a, "pe", "auto", [old]), 201);
    expectStatus(await put(a, "pe", "auto", [fresh]), 200);
    const rejected = expectStatus(await api.nrp.put(connectionPath(a, "pe"), decisionBody("Rejected")), 200);
    const deleted = expectStatus(await api.nrp.delete(proxyPath(a, "pe")), 202);
    expect(deleted.headers["azure-asyncoperation"]).not.toBe(rejected.headers["azure-asyncoperation"]);
    await gate.catchUp();
    await until("the connection to go", async () => (await api.customer.get(connectionPath(a, "pe"))).status === 404);
    expectStatus(await put(b, "pe", "auto", [old, fresh]), 201);
  });

  it("frees what an earlier one of the same connection gave up", async () => {
    const [old, fresh] = [nextLinkId(), nextLinkId()];
    expectStatus(await put(a, "pe", "auto", [old]), 201);
    expectStatus(await put(a, "pe", "auto", [fresh]), 200);
    expectStatus(await api.nrp.put(connectionPath(a, "pe"), decisionBody("Rejected")), 200);
    await gate.catchUp();
    await settled(a, "pe");
    expectStatus(await put(b, "pe", "auto", [old]), 201);
    expect((await put(b, "pe2", "auto", [fresh])).body.error.code).toBe("LinkIdInUse");
  });

  it("is one operation, whoever deletes and however often", async () => {
    expectStatus(await put(a, "pe", "auto", [nextLinkId()]), 201);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        api.nrp.delete(index % 2 === 0 ? proxyPath(a, "pe") : connectionPath(a, "pe")),
      ),
    );
    expect(new Set(answers.map(answer => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map(answer => answer.headers.location)).size).toBe(1);
    await gate.catchUp();
    await until("the connection to go", async () => (await api.nrp.delete(proxyPath(a, "pe"))).status === 204);
  });

  it("of a rejection answers a lost PUT again with the same operation", async () => {
    expectStatus(await put(a, "pe", "auto", [nextLinkId()]), 201);
    const first = await api.nrp.put(connectionPath(a, "pe"), decisionBody("Rejected"));
    const second = await api.nrp.put(connectionPath(a, "pe"), decisionBody("Rejected", "another comment"));
    expect(second).toMatchObject({ status: 200, body: first.body });
    expect(second.headers["azure-asyncoperation"]).toBe(first.headers["azure-asyncoperation"]);
    await gate.catchUp();
    await settled(a, "pe");
    const third = await api.nrp.put(connectionPath(a, "pe"), decisionBody("Rejected"));
    expect(third.status).toBe(200);
    expect(third.headers["azure-asyncoperation"]).toBeUndefined();
  });
});

describe("approve against delete", () => {
  it("never leaves a link admitted that was deleted", async () => {
    for (let round = 0; round < 15; round++) {
      const name = `race-${round}`;
      const link = nextLinkId();
      expectStatus(await put(a, name, "manual", [link]), 201);
      const [approved, deleted] = await Promise.all([
        api.nrp.put(connectionPath(a, name), decisionBody("Approved")),
        api.nrp.delete(connectionPath(a, name)),
      ]);
      expect([200, 409]).toContain(approved.status);
      expect(deleted.status).toBe(202);
      await gate.sweep();
      expect(gate.table.get(a)?.linkIds).toEqual([]);
      await gate.sweep();
      await settled(a, name);
    }
  });
});

describe("deleting an account", () => {
  it("disconnects everything at once and frees name and links at the end", async () => {
    const links = [nextLinkId(), nextLinkId(), nextLinkId()];
    expectStatus(await put(a, "approved", "auto", links.slice(0, 1)), 201);
    expectStatus(await put(a, "pending", "manual", links.slice(1, 2)), 201);
    expectStatus(await put(a, "going", "auto", links.slice(2)), 201);
    await gate.catchUp();
    const earlier = expectStatus(await api.nrp.delete(connectionPath(a, "going")), 202);
    const answer = expectStatus(await api.nrp.delete(accountPath(a)), 202);
    expect(answer.text).toBe("");

    const { body } = await api.customer.get(accountPath(a));
    expect(body.properties.provisioningState).toBe("Deleting");
    for (const connection of body.properties.privateEndpointConnections) {
      expect(connection.properties).toMatchObject({
        provisioningState: "Deleting",
        privateLinkServiceConnectionState: { status: "Disconnected" },
      });
    }
    // Deleting while deleting: the same operations, each its own.
    expect((await api.nrp.delete(accountPath(a))).headers.location).toBe(answer.headers.location);
    expect((await api.nrp.delete(connectionPath(a, "approved"))).headers.location).toBe(answer.headers.location);
    expect((await api.nrp.delete(connectionPath(a, "going"))).headers.location).toBe(earlier.headers.location);
    // Nothing else goes on.
    for (const refused of [
      await put(a, "new", "auto", [nextLinkId()]),
      await api.nrp.post(`${proxyPath(a, "new")}/validate`, proxyBody("new", "manual")),
      await api.nrp.put(accountPath(a), ACCOUNT_BODY),
      await api.nrp.patch(accountPath(a), { tags: {} }),
    ]) {
      expect(refused).toMatchObject({ status: 409, body: { error: { code: "AnotherOperationInProgress" } } });
    }
    expect((await api.nrp.put(connectionPath(a, "pending"), decisionBody("Approved"))).status).toBe(409);
    expect((await put(b, "pe", "auto", links)).body.error.code).toBe("LinkIdInUse");
    const taken = await api.nrp.put(accountPath(a, "another-subscription"), ACCOUNT_BODY);
    expect(taken.body.error.code).toBe("NameNotAvailable");

    await gate.sweep();
    expect(gate.table.has(a)).toBe(false);
    await gate.sweep();
    await until("the account to go", async () => (await api.customer.get(accountPath(a))).status === 404);

    expect((await api.nrp.delete(accountPath(a))).status).toBe(204);
    expect((await api.nrp.delete(connectionPath(a, "approved"))).status).toBe(204);
    expectStatus(await put(b, "pe", "auto", links), 201);
    expectStatus(await api.nrp.put(accountPath(a, "another-subscription"), ACCOUNT_BODY), 201);
    await gate.sweep();
    expect(gate.table.get(a)).toEqual({ publicAccess: "enabled", linkIds: [] });
  });
});
