import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LARGEST_BATCH, MOST_LINES, readBatch } from "../../src/counts/read-batch.ts";

describe("a batch of counts", () => {
  test("is lines of account, reason, link id, requests and bytes", () => {
    expect(readBatch("acme\tlink-id-mismatch\t822088585\t3\t912\n\tunknown-host\t\t1\t0\n")).toEqual([
      { account: "acme", reason: "link-id-mismatch", linkId: 822088585, requests: 3, bytes: 912 },
      { account: "", reason: "unknown-host", linkId: undefined, requests: 1, bytes: 0 },
    ]);
    expect(readBatch("")).toEqual([]);
  });

  test("may reach its limits", () => {
    const line = `${"a".repeat(63)}\t${"r".repeat(40)}\t4294967295\t1000000000000\t1000000000000000\n`;
    expect(readBatch(line)).toMatchObject([{ linkId: 4294967295, requests: 10 ** 12, bytes: 10 ** 15 }]);
    const most = Array.from({ length: MOST_LINES }, (_, link) => `a\tr\t${link + 1}\t1\t1\n`).join("");
    expect(readBatch(most)).toHaveLength(MOST_LINES);
    expect(most.length).toBeLessThan(LARGEST_BATCH);
    expect(readBatch(`${most}a\tr\t\t1\t1\n`)).toBe("too-large");
  });

  test("reads back whatever a gate may write, and takes any other text without a fault", () => {
    const line = fc.tuple(
      fc.stringMatching(/^[a-z0-9-]{0,63}$/),
      fc.stringMatching(/^[a-z-]{1,40}$/),
      fc.option(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { nil: undefined }),
      fc.integer({ min: 1, max: 10 ** 12 }),
      fc.integer({ min: 0, max: 10 ** 15 }),
    );
    const keyOf = ([account, reason, linkId]: readonly unknown[]) => `${account} ${reason} ${linkId}`;
    const lines = fc.uniqueArray(line, { selector: keyOf, maxLength: 50 });
    fc.assert(
      fc.property(lines, batch => {
        const text = batch.map(([account, reason, linkId = "", ...sums]) =>
          [account, reason, linkId, ...sums].join("\t"),
        );
        expect(readBatch(text.map(each => `${each}\n`).join(""))).toEqual(
          batch.map(([account, reason, linkId, requests, bytes]) => ({ account, reason, linkId, requests, bytes })),
        );
      }),
    );
    fc.assert(fc.property(fc.string({ unit: "binary", minLength: 1 }), text => readBatch(`${text}\n`) === "malformed"));
  });

  test.each([
    ["without an end", "a\tr\t1\t1\t1"],
    ["with an empty line", "a\tr\t1\t1\t1\n\n"],
    ["with CR", "a\tr\t1\t1\t1\r\n"],
    ["with four parts", "a\tr\t1\t1\n"],
    ["with six parts", "a\tr\t1\t1\t1\t1\n"],
    ["with an upper-case account", "A\tr\t1\t1\t1\n"],
    ["with a host for an account", "a.example\tr\t1\t1\t1\n"],
    ["with a long account", `${"a".repeat(64)}\tr\t1\t1\t1\n`],
    ["without a reason", "a\t\t1\t1\t1\n"],
    ["with a long reason", `a\t${"r".repeat(41)}\t1\t1\t1\n`],
    ["with a reason of other characters", "a\tr_1\t1\t1\t1\n"],
    ["with link id 0", "a\tr\t0\t1\t1\n"],
    ["with a link id above 32 bits", "a\tr\t4294967296\t1\t1\n"],
    ["with a leading zero", "a\tr\t01\t1\t1\n"],
    ["with a sign", "a\tr\t1\t+1\t1\n"],
    ["with no requests", "a\tr\t1\t0\t1\n"],
    ["with too many requests", "a\tr\t1\t1000000000001\t1\n"],
    ["with too many bytes", "a\tr\t1\t1\t1000000000000001\n"],
    ["with a fraction", "a\tr\t1\t1\t1.5\n"],
    ["with a nul", "a\0\tr\t1\t1\t1\n"],
    ["with other digits", "a\tr\t1\t\u0661\t1\n"],
    ["with a line twice", "a\tr\t1\t1\t1\na\tr\t1\t2\t2\n"],
    ["with a line without link twice", "a\tr\t\t1\t1\na\tr\t\t2\t2\n"],
  ])("is nothing at all %s", (_, text) => {
    expect(readBatch(text)).toBe("malformed");
    expect(readBatch(`b\tgood\t\t1\t1\n${text}`)).toBe("malformed");
  });
});
