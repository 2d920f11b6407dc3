import { expect, test } from "vitest";
import type { ConnectionStatus } from "../../src/database/schema.ts";
import type { NrpProxy } from "../../src/nrp/client.ts";
import { judge } from "../../src/reconcile/verdict.ts";

const registered = (status: ConnectionStatus, linkIds: number[]) => ({ accountId: "/S/alpha", status, linkIds });
const proxy = (status: string, linkIds: number[], accountId = "/s/ALPHA"): NrpProxy => ({
  id: "/p",
  name: "pe.g",
  accountId,
  status,
  linkIds,
});

test.each([
  ["the same", registered("Approved", [7]), proxy("Approved", [7]), { kind: "keep" }],
  ["the same, Pending", registered("Pending", []), proxy("Pending", []), { kind: "keep" }],
  ["an endpoint that is gone", registered("Approved", [7]), undefined, { kind: "disconnect" }],
  ["another account's", registered("Approved", [7]), proxy("Approved", [7], "/S/beta"), { kind: "disconnect" }],
  ["one that NRP was told of", registered("Approved", [7]), proxy("Disconnected", [7]), { kind: "disconnect" }],
  [
    "another link",
    registered("Approved", [7]),
    proxy("Approved", [8]),
    { kind: "correct", withdraw: false, linkIds: [8] },
  ],
  ["one link fewer", registered("Approved", [7, 8]), proxy("Approved", [7]), { kind: "correct", linkIds: [7] }],
  [
    "another link of a Pending one",
    registered("Pending", [7]),
    proxy("Pending", [8]),
    { kind: "correct", linkIds: [8] },
  ],
  [
    "an approval that was withdrawn",
    registered("Approved", [7]),
    proxy("Rejected", [7]),
    { kind: "correct", withdraw: true },
  ],
  [
    "one that was asked for again",
    registered("Approved", [7]),
    proxy("Pending", [8]),
    { kind: "correct", withdraw: true, linkIds: [8] },
  ],
  ["a state nobody knows", registered("Approved", [7]), proxy("Odd", [7]), { kind: "correct", withdraw: true }],
  [
    "an approval that was lost",
    registered("Pending", [7]),
    proxy("Approved", [7]),
    { kind: "keep", remark: expect.any(String) },
  ],
] as const)("%s", (_, here, there, verdict) => {
  expect(judge(here, there)).toMatchObject(verdict);
});

test("nothing NRP says ever approves", () => {
  for (const status of ["Pending", "Rejected"] as const) {
    for (const linkIds of [[7], [8], []]) {
      expect(judge(registered(status, [7]), proxy("Approved", linkIds))).not.toHaveProperty("status");
      expect(judge(registered(status, [7]), proxy("Approved", linkIds)).kind).not.toBe("disconnect");
    }
  }
});
