import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressGroups, addressSpellings, junk, linkIds, nearly } from "../testing/questions.ts";
import type { ReadAddress } from "./engine.ts";
import { engines, javaScript, wasm } from "./engines.ts";
import { linkIdByBytes, readAddressByNode } from "./reference.ts";

function toNumber(address: ReadAddress | null): bigint | null {
  return address === null ? null : address.groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function toBytes(value: bigint): Uint8Array {
  return Buffer.from(value.toString(16).padStart(32, "0"), "hex");
}

/** Any address: groups with runs of zeros, and the ends of the range of each. */
function anyGroups(): fc.Arbitrary<number[]> {
  const group = fc.oneof(
    fc.constant(0),
    fc.constantFrom(1, 0xf, 0x10, 0xff, 0x100, 0xfff, 0x1000, 0xffff),
    fc.nat(0xffff),
  );
  return fc.array(group, { minLength: 8, maxLength: 8 });
}

const texts = fc.oneof(
  { weight: 4, arbitrary: anyGroups().chain(addressSpellings) },
  { weight: 2, arbitrary: linkIds().chain(addressGroups).chain(addressSpellings) },
  { weight: 2, arbitrary: fc.ipV6() },
  { weight: 2, arbitrary: fc.ipV4() },
);

test("both engines read what Node reads, and nothing else: 100,000 texts", () => {
  let addresses = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: nearly(texts) }, { weight: 1, arbitrary: junk(50) }), text => {
      const address = javaScript.readAddress(text);
      expect(wasm.readAddress(text)).toEqual(address);
      expect(toNumber(address), text).toBe(readAddressByNode(text));
      if (address !== null) addresses++;
    }),
    { numRuns: 100_000 },
  );
  expect(addresses).toBeGreaterThan(60_000);
  expect(addresses).toBeLessThan(99_000);
}, 600_000);

describe.each(engines)("$name", engine => {
  test("every spelling of an address is the same address", () => {
    const spelled = anyGroups().chain(groups => fc.tuple(fc.constant(groups), addressSpellings(groups)));
    fc.assert(
      fc.property(spelled, ([groups, text]) => {
        expect(isIP(text), text).toBe(6);
        expect(engine.readAddress(text)?.groups, text).toEqual(groups);
      }),
      { numRuns: 10_000 },
    );
  });

  test("bytes say what text says, and what is written is read again", () => {
    fc.assert(
      fc.property(fc.oneof(anyGroups(), linkIds().chain(addressGroups)), groups => {
        const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
        const address = engine.readAddressBytes(toBytes(value));
        expect(address?.groups).toEqual(groups);
        expect(address?.text).toBe(groups.map(group => group.toString(16)).join(":"));
        expect(engine.readAddress(address?.text ?? "")).toEqual(address);
        expect(address?.linkId).toBe(linkIdByBytes(value));
        expect(address?.isPrivateLink).toBe(value >> 118n === 0b1111110101n);
        expect(address?.isIPv4).toBe(value >> 32n === 0xffffn);
        expect(address?.dotted).toBe([...toBytes(value).slice(12)].join("."));
      }),
      { numRuns: 10_000 },
    );
  });

  test("four bytes are IPv4", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), bytes => {
        const address = engine.readAddressBytes(bytes);
        expect(address).toEqual(engine.readAddress(bytes.join(".")));
        expect(address).toMatchObject({ isIPv4: true, isPrivateLink: false, dotted: bytes.join(".") });
      }),
      { numRuns: 2_000 },
    );
  });

  test("no other number of bytes is an address", () => {
    for (let length = 0; length <= 40; length++) {
      const isAddress = engine.readAddressBytes(new Uint8Array(length).fill(0xfd)) !== null;
      expect(isAddress, `${length} bytes`).toBe(length === 4 || length === 16);
    }
  });

  test("4 bytes behind 16 leave nothing of them", () => {
    engine.readAddressBytes(toBytes(0xfd408913003168106c3102000a010104n));
    expect(engine.readAddressBytes(Uint8Array.of(10, 1, 1, 4))?.groups).toEqual([
      0, 0, 0, 0, 0, 0xffff, 0x0a01, 0x0104,
    ]);
    engine.readAddress("fd40:8913:31:6810:6c31:200:a01:104");
    expect(engine.readAddress("10.1.1.4")?.groups).toEqual([0, 0, 0, 0, 0, 0xffff, 0x0a01, 0x0104]);
    engine.readAddress("fd40:8913:31:6810:6c31:200:a01:104");
    expect(engine.readAddress("::4")?.groups).toEqual([0, 0, 0, 0, 0, 0, 0, 4]);
  });
});
