import { linkTlv, type ProxyHeader, type Tlv, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BALANCER, Battlefield, STRANGER } from "../attackers/battle.ts";
import { campaign } from "../attackers/campaign.ts";
import { makePlan, type Way } from "../attackers/generate.ts";
import { BROKEN_PREFACES, MALFORMED_LINK_TLVS } from "../attackers/proxy-prefaces.ts";
import { LINK_ADDRESSES, LINKS } from "../attackers/world.ts";
import { gates, ZONE } from "../gates/index.ts";

// PROXY headers of balancers and of others, in each mode of the TLV. Each connection asks for something of contoso's and for a
// health check; what becomes of the two stands in its row, and is compared with the reference as well.

/** `link`: both are admitted; `health`: the health check alone; `nothing`: no request at all. */
type Outcome = "link" | "health" | "nothing";

interface Row {
  readonly name: string;
  readonly bytes: Buffer;
  readonly outcome: Outcome;
  /** Where Envoy reads the header in another way, by a line of {@link gateReadings}. */
  readonly envoy?: Outcome;
  readonly from?: Pick<Way, "listener" | "localAddress">;
}

const MODES = ["off", "optional", "required"] as const;
type Mode = (typeof MODES)[number];

const PRIVATE_ADDRESS = "10.1.1.4";
const TLV = linkTlv(LINKS.contoso);
const OTHER_TLV = linkTlv(LINKS.fabrikam);
const HEADER: ProxyHeader = { source: LINK_ADDRESSES.contoso, tlvs: [TLV] };
const whole = writeProxyHeader(HEADER);
const byStranger = { listener: "proxy", localAddress: STRANGER } as const;

function row(name: string, header: ProxyHeader, outcome: Outcome, more: Pick<Row, "from" | "envoy"> = {}): Row {
  return { name, bytes: writeProxyHeader(header), outcome, ...more };
}

function showTlv({ value }: Tlv): string {
  return value.length === 0 ? "empty" : Buffer.from(value).toString("hex");
}

/** Rows whose outcome depends on what the mode makes of TLV 0xEE. */
function rowsOf(mode: Mode): Row[] {
  const by = (outcomes: Record<Mode, Outcome>) => outcomes[mode];
  const needsTlv = by({ off: "link", optional: "link", required: "health" });
  const needsSense = by({ off: "link", optional: "health", required: "health" });
  const believesTlv = by({ off: "health", optional: "link", required: "link" });
  return [
    row("a link address alone", { source: LINK_ADDRESSES.contoso }, needsTlv),
    row("a link address and its TLV", HEADER, "link"),
    row("a TLV alone", { source: PRIVATE_ADDRESS, tlvs: [TLV] }, believesTlv),
    row("a TLV alone, IPv6", { source: "2001:db8::7", tlvs: [TLV] }, believesTlv),
    row(
      "a TLV behind others",
      { source: PRIVATE_ADDRESS, tlvs: [{ type: 4, value: Buffer.alloc(9) }, TLV] },
      believesTlv,
    ),
    row("two TLVs, ours first", { source: PRIVATE_ADDRESS, tlvs: [TLV, OTHER_TLV] }, believesTlv, { envoy: "health" }),
    row("two TLVs, another's first", { source: PRIVATE_ADDRESS, tlvs: [OTHER_TLV, TLV] }, "health", {
      envoy: believesTlv,
    }),
    row(
      "two TLVs, a malformed one first",
      { source: PRIVATE_ADDRESS, tlvs: [{ type: 0xee, value: Buffer.alloc(1) }, TLV] },
      "health",
      { envoy: believesTlv },
    ),
    row("another's TLV with our address", { source: LINK_ADDRESSES.contoso, tlvs: [OTHER_TLV] }, needsSense),
    row("our TLV with another's address", { source: LINK_ADDRESSES.fabrikam, tlvs: [TLV] }, "health"),
    row("another's TLV", { source: PRIVATE_ADDRESS, tlvs: [OTHER_TLV] }, "health"),
    ...MALFORMED_LINK_TLVS.flatMap(tlv => [
      row(
        `a malformed TLV (${showTlv(tlv)}) with our address`,
        { source: LINK_ADDRESSES.contoso, tlvs: [tlv] },
        needsSense,
      ),
      row(`a malformed TLV (${showTlv(tlv)}) alone`, { source: PRIVATE_ADDRESS, tlvs: [tlv] }, "health"),
    ]),
    row("LOCAL", { ...HEADER, command: "LOCAL" }, "health"),
    row("LOCAL without addresses", { command: "LOCAL", family: "unspecified", tlvs: [TLV] }, "health"),
    ...(["unspecified", "udp6", "unix"] as const).map(family =>
      row(`family ${family}`, { ...HEADER, family }, "health", { envoy: family === "udp6" ? "link" : "nothing" }),
    ),
    { name: "two headers", bytes: Buffer.concat([whole, whole]), outcome: "nothing" },
    { name: "none", bytes: Buffer.alloc(0), outcome: "nothing" },
    ...[1, 11, 12, 15].map(
      (size): Row => ({ name: `cut after ${size} bytes`, bytes: whole.subarray(0, size), outcome: "nothing" }),
    ),
    row("a peer that is no balancer", HEADER, "health", { from: byStranger }),
    row("a peer that is no balancer, says LOCAL", { ...HEADER, command: "LOCAL" }, "health", { from: byStranger }),
    row("a peer that is no balancer, says it is one", { source: BALANCER, tlvs: [TLV] }, "health", {
      from: byStranger,
    }),
    ...["direct", "public"].flatMap(listener =>
      [whole, Buffer.from(`PROXY TCP6 ${LINK_ADDRESSES.contoso} ::1 50000 443\r\n`)].map(
        (bytes, at): Row => ({
          name: `version ${2 - at} at the ${listener} listener`,
          bytes,
          outcome: "nothing",
          from: { listener: listener as Way["listener"], localAddress: STRANGER },
        }),
      ),
    ),
  ];
}

const SEED = Number(process.env.LINKGATE_ATTACK_SEED ?? 20261121);
const REQUESTS = 5000;

describe.each(gates)("PROXY protocol of $name", kind => {
  describe.each(MODES)("TLV %s", mode => {
    let field: Battlefield;
    beforeAll(async () => {
      field = await Battlefield.open(kind, mode);
    });
    afterAll(() => field?.close());

    async function attack(index: number, { bytes, from }: Pick<Row, "bytes" | "from">, cuts: readonly number[]) {
      const way = field.way(from?.listener ?? "proxy", from?.localAddress ?? BALANCER);
      if (way === undefined) throw new Error("this machine lacks an address");
      const host = `Host: contoso.${ZONE.private}\r\n\r\n`;
      const http = `GET /Patient/~${index}.0~ HTTP/1.1\r\n${host}GET /health/check?~${index}.1~ HTTP/1.1\r\n${host}`;
      const plan = makePlan(index, way, Buffer.concat([bytes, Buffer.from(http)]), cuts, 2);
      const { battles, problems } = await field.fight([plan]);
      expect(problems.map(problem => problem.text)).toEqual([]);
      const allowed = (battles[0]?.lines ?? []).filter(line => line.verdict === "allow" && line.status === 200);
      return allowed.map(line => line.reason);
    }

    const REASONS = { link: ["private-link", "health-check"], health: ["health-check"], nothing: [] };
    rowsOf(mode).forEach((each, index) => {
      const outcome = (kind.name === "envoy" && each.envoy) || each.outcome;
      test(`${each.name}: ${outcome}`, async () => {
        expect(await attack(index, each, [each.bytes.length])).toEqual(REASONS[outcome]);
      });
    });

    test("header and payload in one packet, and in many", async () => {
      const { length } = whole;
      for (const cuts of [[], [length], [length, length + 1, length + 2, length + 30, length + 90]]) {
        expect(await attack(1000 + cuts.length, { bytes: whole }, cuts)).toEqual(REASONS.link);
      }
    });

    test("broken headers of a peer that is no balancer are good for a health check at most", async () => {
      for (const [index, write] of BROKEN_PREFACES.entries()) {
        const bytes = write(whole) ?? Buffer.alloc(0);
        const reasons = await attack(2000 + index, { bytes, from: byStranger }, []);
        expect([REASONS.nothing, REASONS.health], JSON.stringify(bytes.toString("latin1"))).toContainEqual(reasons);
      }
    });

    test(`${REQUESTS} generated requests, seed ${SEED}`, async () => {
      await campaign(field, { seed: SEED, requests: REQUESTS, first: 10_000 });
      expect(field.tally.admitted).toBeGreaterThan(REQUESTS / 20);
    }, 1_200_000);
  });
});
