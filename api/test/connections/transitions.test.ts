import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Action, explainRefusal, type From, transition } from "../../src/connections/transitions.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import {
  connectionPath,
  createAccount,
  decisionBody,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";

/** What a cell answers, and the state it leaves; without a state, the one it found. */
type Cell = readonly [status: number, state?: string];

/** The whole table as `design.md` section 5 has it, written down a second time. */
const EXPECTED: Record<From, Record<Action, Cell>> = {
  Absent: {
    request: [201, "Pending"],
    grant: [201, "Approved"],
    "set-pending": [404],
    "set-approved": [404],
    "set-rejected": [404],
    "set-disconnected": [404],
    delete: [204],
  },
  Pending: {
    request: [200, "Pending"],
    grant: [200, "Approved"],
    "set-pending": [200, "Pending"],
    "set-approved": [200, "Approved"],
    "set-rejected": [200, "Rejected"],
    "set-disconnected": [409],
    delete: [202, "Disconnected"],
  },
  Approved: {
    request: [200, "Approved"],
    grant: [200, "Approved"],
    "set-pending": [409],
    "set-approved": [200, "Approved"],
    "set-rejected": [200, "Rejected"],
    "set-disconnected": [409],
    delete: [202, "Disconnected"],
  },
  Rejected: {
    request: [200, "Pending"],
    grant: [409],
    "set-pending": [409],
    "set-approved": [409],
    "set-rejected": [200, "Rejected"],
    "set-disconnected": [409],
    delete: [202, "Disconnected"],
  },
  Disconnected: {
    request: [409],
    grant: [409],
    "set-pending": [409],
    "set-approved": [409],
    "set-rejected": [409],
    "set-disconnected": [200, "Disconnected"],
    delete: [202, "Disconnected"],
  },
};

const cells = (Object.keys(EXPECTED) as From[]).flatMap(from =>
  (Object.keys(EXPECTED[from]) as Action[]).map(action => ({ from, action, cell: EXPECTED[from][action] })),
);

let api: TestApi;
let gate: TestGate;

beforeAll(async () => {
  api = await startTestApi({ settings: { maxConnections: 1000 } });
  // A gate that has loaded and says nothing more, so that revocations go on running.
  gate = api.gate();
  await gate.sweep();
  await createAccount(api.nrp, "table");
});
afterAll(() => api.stop());

async function bring(name: string, to: From, link: number): Promise<void> {
  const proxy = proxyPath("table", name);
  switch (to) {
    case "Absent":
      return;
    case "Approved":
      expectStatus(await api.nrp.put(proxy, proxyBody(name, "auto", [link])), 201);
      return;
    case "Pending":
    case "Rejected":
    case "Disconnected":
      expectStatus(await api.nrp.put(proxy, proxyBody(name, "manual", [link])), 201);
  }
  if (to === "Rejected") expectStatus(await act(name, "set-rejected", link), 200);
  if (to === "Disconnected") expectStatus(await act(name, "delete", link), 202);
}

async function act(name: string, action: Action, link: number): Promise<Answer> {
  const connection = connectionPath("table", name);
  switch (action) {
    case "request":
      return await api.nrp.put(proxyPath("table", name), proxyBody(name, "manual", [link]));
    case "grant":
      return await api.nrp.put(proxyPath("table", name), proxyBody(name, "auto", [link]));
    case "set-pending":
      return await api.nrp.put(connection, decisionBody("Pending"));
    case "set-approved":
      return await api.nrp.put(connection, decisionBody("Approved"));
    case "set-rejected":
      return await api.nrp.put(connection, decisionBody("Rejected"));
    case "set-disconnected":
      return await api.nrp.put(connection, decisionBody("Disconnected"));
    case "delete":
      return await api.nrp.delete(connection);
  }
}

async function stateOf(name: string): Promise<string> {
  const answer = await api.customer.get(connectionPath("table", name));
  return answer.status === 404 ? "Absent" : answer.body.properties.privateLinkServiceConnectionState.status;
}

describe("every cell of the transition table, over HTTP", () => {
  it("has 35 cells", () => expect(cells).toHaveLength(35));

  it.each(cells)("$from, $action", async ({ from, action, cell }) => {
    const name = `pe-${from}-${action}.${crypto.randomUUID()}`;
    const link = nextLinkId();
    await bring(name, from, link);
    expect(await stateOf(name)).toBe(from);
    const [status, state = from] = cell;

    const answer = await act(name, action, link);

    expect(answer.status).toBe(status);
    expect(await stateOf(name)).toBe(state);
    if (status === 409) expect(answer.body.error).toMatchObject({ code: "InvalidStateTransition" });
    if (status === 404) expect(answer.body.error.code).toBe("ResourceNotFound");
    if (status === 204 || status === 202) expect(answer.text).toBe("");
  });

  it.each(cells.filter(({ from, cell }) => cell[1] === from))(
    "$from, $action: the same state again changes nothing",
    async ({ from, action }) => {
      const name = `same-${from}-${action}.${crypto.randomUUID()}`;
      const link = nextLinkId();
      await bring(name, from, link);
      // An automatic endpoint that NRP sends as manual, or the other way round, is a change of the document.
      if (action === "grant" || action === "request") await act(name, action, link);
      const before = await api.nrp.get(proxyPath("table", name));

      await act(name, action, link);

      expect((await api.nrp.get(proxyPath("table", name))).body).toEqual(before.body);
    },
  );
});

describe("the pure table", () => {
  it.each(cells)("agrees on $from, $action", ({ from, action, cell }) => {
    expect(transition(from, action)).toBe(cell[1] ?? null);
  });

  it("tells a rejected endpoint how to go on", () => {
    expect(explainRefusal("pe1", "Rejected", "set-approved")).toContain("requested again");
  });

  it("explains every refusal with the connection's name", () => {
    for (const { from, action } of cells) expect(explainRefusal("pe1", from, action)).toContain("'pe1'");
  });
});
