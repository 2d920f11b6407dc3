import { isAccount } from "@linkgate/core";
import { assert, constantFrom, integer, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { isAccountName } from "../../src/accounts/names.ts";

describe("the registry and the gates", () => {
  it("agree: every name the registry takes is one that the gates can find in a host", async () => {
    const unit = constantFrom(..."ab9-");
    let accepted = 0;
    await assert(
      property(string({ unit, minLength: 1, maxLength: 26 }), name => {
        if (!isAccountName(name)) return;
        accepted += 1;
        expect(isAccount(name, 0, name.length)).toBe(true);
      }),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("disagree on length alone", async () => {
    await assert(
      property(
        integer({ min: 3, max: 23 }),
        string({ unit: constantFrom(..."ab9-"), minLength: 23, maxLength: 23 }),
        (length, text) => {
          const name = text.slice(0, length);
          expect(isAccountName(name)).toBe(Boolean(isAccount(name, 0, name.length)));
        },
      ),
      { numRuns: 5000 },
    );
  });
});
