import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NRP, startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import {
  accountPath,
  connectionPath,
  createAccount,
  decisionBody,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
  SUBSCRIPTION,
} from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";
import { sendBytes } from "../support/raw.ts";
import { until } from "../support/until.ts";

const ARM = "https://management.example.com";

let api: TestApi;
let gate: TestGate;
let account: string;
let count = 0;

beforeAll(async () => {
  api = await startTestApi();
  gate = api.gate();
});
afterAll(() => api.stop());

beforeEach(async () => {
  count += 1;
  account = `ops${count}`;
  await createAccount(api.nrp, account);
  expectStatus(await api.nrp.put(proxyPath(account, "pe"), proxyBody("pe", "auto", [nextLinkId()])), 201);
  await gate.catchUp();
});

/** What ARM sends along: the URL that its client called. */
function viaArm(path: string): { headers: Record<string, string> } {
  return { headers: { referer: `${ARM}${path}?api-version=2024-03-31&x=y` } };
}

async function ended(operationUrl: string): Promise<Answer> {
  return await until("the end of the operation", async () => {
    const answer = await api.customer.get(operationUrl);
    return answer.body.status === "Succeeded" && answer;
  });
}

describe("an operation", () => {
  it("begins with 202, an empty body and absolute URLs on ARM's host", async () => {
    const path = connectionPath(account, "pe");
    const answer = await api.nrp.delete(path, viaArm(path));
    expect(answer).toMatchObject({ status: 202, text: "" });
    expect(answer.headers["retry-after"]).toBe("1");
    const status = answer.headers["azure-asyncoperation"] ?? "";
    const shape = `^${ARM}/subscriptions/${SUBSCRIPTION}/providers/Microsoft.HealthcareApis/locations/westus2/operationresults/[0-9a-f-]{36}\\?api-version=2024-03-31$`;
    expect(status).toMatch(new RegExp(shape));
    expect(answer.headers.location).toBe(`${status}&operationResultResponseType=Location`);
  });

  it("uses our own host when ARM sends no referer, or one that is no URL", async () => {
    for (const headers of [{}, { referer: "nonsense" }, { referer: "file:///etc" }]) {
      const answer = await api.nrp.delete(connectionPath(account, "pe"), { headers });
      expect(answer.headers.location).toMatch(new RegExp(`^${api.urls.armUrl}/subscriptions/`));
    }
  });

  it("survives a Host header that is no host", async () => {
    const path = `${connectionPath(account, "pe")}?api-version=2024-03-31`;
    const head = `DELETE ${path} HTTP/1.1\r\nHost: a b\r\nx-ms-client-app-id: ${NRP}\r\nConnection: close\r\n\r\n`;
    const answer = await sendBytes(api, head);
    expect(answer).toMatch(/^HTTP\/1\.1 202 /);
    expect(answer).toMatch(/\r\nlocation: https:\/\/localhost\/subscriptions\//);
  });

  it("runs until the gates know, then Location answers 204 and the status Succeeded, also when all is gone", async () => {
    const answer = await api.nrp.delete(connectionPath(account, "pe"));
    const { location = "", "azure-asyncoperation": status = "" } = answer.headers;

    const running = await api.customer.get(location);
    expect(running).toMatchObject({ status: 202, text: "" });
    expect(running.headers.location).toBe(location);
    expect(running.headers["retry-after"]).toBe("1");
    const document = await api.customer.get(status);
    expect(document.status).toBe(200);
    expect(document.headers["retry-after"]).toBe("1");
    expect(document.body).toEqual({
      id: new URL(status).pathname,
      name: document.body.name,
      status: "Running",
      startTime: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
    });
    expect((await api.customer.get(connectionPath(account, "pe"))).body.properties.provisioningState).toBe("Deleting");

    await gate.catchUp();
    const last = await ended(status);
    expect(last.body.endTime >= last.body.startTime).toBe(true);
    expect(last.headers["retry-after"]).toBeUndefined();
    expect(await api.customer.get(location)).toMatchObject({ status: 204, text: "" });
    expect((await api.customer.get(connectionPath(account, "pe"))).status).toBe(404);

    const gone = await api.nrp.delete(accountPath(account));
    await gate.catchUp();
    await ended(gone.headers["azure-asyncoperation"] ?? "");
    expect((await api.customer.get(accountPath(account))).status).toBe(404);
    expect((await api.customer.get(status)).body.status).toBe("Succeeded");
  });

  it("of a rejection comes with the whole body and no Location", async () => {
    const answer = await api.nrp.put(connectionPath(account, "pe"), decisionBody("Rejected", "not you"));
    expect(answer.status).toBe(200);
    expect(answer.headers.location).toBeUndefined();
    expect(answer.headers["retry-after"]).toBe("1");
    expect(answer.body.properties).toMatchObject({
      provisioningState: "Updating",
      privateLinkServiceConnectionState: { status: "Rejected", description: "not you" },
    });
    await gate.catchUp();
    await ended(answer.headers["azure-asyncoperation"] ?? "");
    const { body } = await api.customer.get(connectionPath(account, "pe"));
    expect(body.properties.provisioningState).toBe("Succeeded");
  });

  it("ends without anybody polling it", async () => {
    await api.nrp.delete(connectionPath(account, "pe"));
    await gate.catchUp();
    await until(
      "the connection to go",
      async () => (await api.customer.get(connectionPath(account, "pe"))).status === 404,
    );
  });

  it("is named by its subscription: another one does not see it", async () => {
    const answer = await api.nrp.delete(connectionPath(account, "pe"));
    const status = answer.headers["azure-asyncoperation"] ?? "";
    expect((await api.customer.get(status.replace(SUBSCRIPTION, "somebody-else"))).status).toBe(404);
    const other = `operationresults/${randomUUID()}`;
    expect((await api.customer.get(status.replace(/operationresults\/[^?]*/, other))).status).toBe(404);
    const { pathname } = new URL(status);
    expect((await api.customer.get(pathname.toUpperCase())).status).toBe(200);
  });

  it("goes on after the api was stopped and started again", async () => {
    const answer = await api.nrp.delete(connectionPath(account, "pe"));
    await api.restart();
    const status = answer.headers["azure-asyncoperation"] ?? "";
    expect((await api.customer.get(status)).body.status).toBe("Running");
    expect((await api.nrp.delete(connectionPath(account, "pe"))).status).toBe(202);
    await gate.catchUp();
    await ended(status);
    expect((await api.nrp.delete(connectionPath(account, "pe"))).status).toBe(204);
  });

  it("is handed over when the api stops while the gates are silent, and ends when they are gone", async () => {
    const answer = await api.nrp.put(connectionPath(account, "pe"), decisionBody("Rejected"));
    await api.restart();
    await gate.sayGoodbye();
    await ended(answer.headers["azure-asyncoperation"] ?? "");
    gate = api.gate();
  });
});
