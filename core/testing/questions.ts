// Random questions, most of them close to something that is admitted. Core's own tests compare Node, wasm and a second
// implementation on them; a host compares its runtime with Node on `sampleQuestions` (`@linkgate/core/testing/questions`).
import fc from "fast-check";
import type { ListenerName, Question, TableName } from "./answer.ts";

/** `count` questions, the same for the same seed. */
export function sampleQuestions(seed: number, count: number): Question[] {
  return fc.sample(questions(), { seed, numRuns: count });
}

/** A question of which every part may be sound, nearly sound or junk. */
export function questions(): fc.Arbitrary<Question> {
  return linkIds().chain(linkId =>
    fc
      .record({
        host: hosts(),
        method: fc.option(fc.constantFrom("GET", "HEAD", "POST", "get", ""), { freq: 4, nil: undefined }),
        target: fc.option(targets(), { freq: 2, nil: undefined }),
        source: fc.oneof({ weight: 9, arbitrary: addressTexts(linkId) }, { weight: 1, arbitrary: junk(45) }),
        listener: fc.constantFrom<ListenerName[]>(
          ...Array<"direct">(6).fill("direct"),
          ...Array<"proxy-tlv-optional">(4).fill("proxy-tlv-optional"),
          ...Array<"proxy-tlv-required">(4).fill("proxy-tlv-required"),
          "proxy",
          "public",
          "proxy-local",
          "proxy-untrusted",
        ),
        tlv: fc.option(tlvs(linkId), { freq: 4, nil: undefined }),
        table: fc.constantFrom<TableName[]>(...Array<"current">(8).fill("current"), "expired", "none"),
        entry: entries(linkId),
      })
      .map(withoutAbsent),
  );
}

/** Link ids that are prefixes, suffixes and neighbours of each other, the ends of the range, any, and 0, which is none. */
export function linkIds(): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(1, 17, 117, 170, 7, 822088585, 82208858, 2147483648, 4294967295) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) },
    { weight: 1, arbitrary: fc.constant(0) },
  );
}

/** Text of a few signs that mean something somewhere, or of any. */
export function junk(maxLength: number): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: fc.constantFrom(..."0189afAFgzZ:.%,-_/[]+= \t\n\0".split("")), maxLength }),
    fc.string({ unit: "binary", maxLength }),
  );
}

/** Mostly the text itself, else with one sign put in, taken out or changed. */
export function nearly(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const sign = fc.constantFrom(..."0179afFgkZ:.%,-_/?[]+= \t\n\0".split(""), "\u212a", "\u017f", "\uff0e");
  const edit = fc.record({ at: fc.nat(400), removed: fc.constantFrom(0, 1), sign: fc.option(sign, { nil: "" }) });
  return fc.tuple(texts, fc.option(edit, { freq: 1, nil: undefined }), fc.nat(2)).map(([text, change, chance]) => {
    if (change === undefined || chance > 0) return text;
    const at = change.at % (text.length + 1);
    return text.slice(0, at) + change.sign + text.slice(at + change.removed);
  });
}

/** Names of accounts, and labels that are none. */
export function labels(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom("contoso", "a", "0", "a-b", "a--b", "privatelink", "a".repeat(63)) },
    { weight: 1, arbitrary: fc.constantFrom("", "-a", "a-", "xn--a", "ab--c", "a".repeat(64), "a.b", "A") },
    { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(..."abz09-".split("")), maxLength: 8 }) },
  );
}

function hosts(): fc.Arbitrary<string> {
  const publicSuffix = ".azurehealthcareapis.com";
  const privateSuffix = ".privatelink.azurehealthcareapis.com";
  const sound = fc.tuple(
    fc.constantFrom("contoso", "a", "0", "a-b", "a--b", "privatelink", "a".repeat(63)),
    fc.constantFrom(publicSuffix, privateSuffix, publicSuffix, privateSuffix, ".AzureHealthcareApis.COM"),
    fc.constantFrom("", "", "", ".", ":443", ".:443", ":65535", ":0"),
  );
  const unsound = fc.tuple(
    labels(),
    fc.constantFrom(
      publicSuffix,
      privateSuffix,
      `.evil-${privateSuffix.slice(1)}`,
      `${publicSuffix}.evil.example`,
      ".com",
    ),
    fc.constantFrom("", ":65536", ":000001", ":", "..", ":44a"),
  );
  return fc.oneof(
    { weight: 7, arbitrary: sound.map(parts => parts.join("")) },
    { weight: 2, arbitrary: nearly(fc.oneof(sound, unsound).map(parts => parts.join(""))) },
    { weight: 1, arbitrary: junk(80) },
  );
}

function targets(): fc.Arbitrary<string> {
  return nearly(fc.constantFrom("/", "/Patient?a=b", "/health/check", "/health/check", "/health/check?a=b"));
}

/** Groups of an address that often says `linkId`, and often lies near `fd40::/10`. */
export function addressGroups(linkId: number): fc.Arbitrary<number[]> {
  const prefix = fc.constantFrom(
    ...Array<number>(16).fill(0xfd40),
    ...[0xfd41, 0xfd7f, 0xfd3f, 0xfd80, 0xfde4, 0xfc40, 0xfec0, 0x2a40, 0x40fd, 0],
  );
  const group = fc.oneof(fc.constant(0), fc.constantFrom(1, 0xffff, 0x0a01), fc.integer({ min: 0, max: 0xffff }));
  const swap = (value: number) => ((value & 0xff) << 8) | (value >>> 8);
  const link = fc.constant([swap(linkId & 0xffff), swap(linkId >>> 16)]);
  const middle = fc.oneof({ weight: 8, arbitrary: link }, { weight: 1, arbitrary: fc.tuple(group, group) });
  return fc
    .tuple(prefix, middle, fc.array(group, { minLength: 5, maxLength: 5 }))
    .map(([first, next, rest]) => [first, ...next, ...rest]);
}

/** One of the ways to write an address down: zeros compressed or not, capitals, leading zeros, dotted tail (RFC 4291 2.2). */
export function addressSpellings(groups: readonly number[]): fc.Arbitrary<string> {
  return fc
    .record({ capital: fc.boolean(), pad: fc.boolean(), dotted: fc.boolean(), gap: fc.nat(8), length: fc.nat(8) })
    .map(style => {
      const parts = groups.map(group => group.toString(16).padStart(style.pad ? 4 : 1, "0"));
      if (style.dotted) {
        const [high = 0, low = 0] = groups.slice(6);
        parts.splice(6, 2, [high >> 8, high & 0xff, low >> 8, low & 0xff].join("."));
      }
      const end = Math.min(style.gap + style.length, style.dotted ? 6 : 8);
      const isZero = groups.slice(style.gap, end).every(group => group === 0) && end > style.gap;
      const text = isZero ? `${parts.slice(0, style.gap).join(":")}::${parts.slice(end).join(":")}` : parts.join(":");
      return style.capital ? text.toUpperCase() : text;
    });
}

function addressTexts(linkId: number): fc.Arbitrary<string> {
  const ipv4 = fc.oneof(fc.ipV4(), fc.constantFrom("10.1.1.4", "253.64.0.1", "255.255.255.255", "0.0.0.0"));
  return nearly(
    fc.oneof(
      { weight: 8, arbitrary: addressGroups(linkId).chain(addressSpellings) },
      { weight: 2, arbitrary: ipv4 },
      { weight: 1, arbitrary: ipv4.map(text => `::ffff:${text}`) },
      { weight: 1, arbitrary: fc.ipV6() },
    ),
  );
}

function tlvs(linkId: number): fc.Arbitrary<string> {
  const bytes = [0, 8, 16, 24].map(shift => ((linkId >>> shift) & 0xff).toString(16).padStart(2, "0")).join("");
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: length * 2, maxLength: length * 2 });
  return fc.oneof(
    { weight: 9, arbitrary: fc.constant(`01${bytes}`) },
    { weight: 2, arbitrary: hex(4).map(text => `01${text}`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("", "01", `00${bytes}`, `02${bytes}`, bytes, `01${bytes}00`, "0100000000"),
    },
    { weight: 1, arbitrary: fc.nat(9).chain(hex) },
  );
}

/** Entries of the table as `writeEntry` writes them, some that no line makes, and none. */
function entries(linkId: number): fc.Arbitrary<string | null> {
  const ids = fc.tuple(fc.array(linkIds(), { maxLength: 4 }), fc.boolean()).map(([others, holds]) => {
    const list = holds ? [...others.slice(0, 2), linkId, ...others.slice(2)] : others;
    return list.filter(id => id > 0).join(",");
  });
  const version = fc.oneof(fc.constantFrom("1", String(linkId || 1)), fc.bigInt(1n, 9999999999999999999n).map(String));
  const word = fc.constantFrom("enabled", "disabled");
  return fc.oneof(
    { weight: 12, arbitrary: fc.tuple(word, ids, version).map(parts => parts.join("\t")) },
    { weight: 1, arbitrary: version.map(text => `removed\t\t${text}`) },
    { weight: 1, arbitrary: fc.constantFrom("", "enabled", `Enabled\t${linkId}\t1`, `x\t${linkId}\t1`, `${linkId}`) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
}

/** Leaves out what is undefined, as the rows of the case files do. */
function withoutAbsent(parts: { [name in keyof Question]: Question[name] | undefined }): Question {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as unknown as Question;
}
