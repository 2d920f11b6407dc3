import { RawConnection, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BALANCER, Battlefield, STRANGER } from "../attackers/battle.ts";
import { campaign } from "../attackers/campaign.ts";
import type { Battle } from "../attackers/compare.ts";
import { outcomesOf } from "../attackers/envoy-shapes.ts";
import { makePlan, markOf, type Plan, type Way } from "../attackers/generate.ts";
import { SHAPES, type Shape } from "../attackers/shapes.ts";
import { RESERVED_HEADERS } from "../attackers/vocabulary.ts";
import { LINK_ADDRESSES } from "../attackers/world.ts";
import { gates, ZONE } from "../gates/index.ts";

// Attackers through a real proxy. Each shape comes from everywhere; what becomes of it stands in its row, and is compared with
// a reference decision of the bytes as well. `npm run soak -- attackers` does the generated part at length.

/** Where an attacker sits. */
interface Position {
  readonly name: string;
  readonly listener: Way["listener"];
  readonly localAddress: string;
  /** The source in the PROXY header; absent where there is none. */
  readonly source?: string;
}

const OWNER: Position = {
  name: "contoso's own link",
  listener: "proxy",
  localAddress: BALANCER,
  source: LINK_ADDRESSES.contoso,
};
const OTHERS: readonly Position[] = [
  { name: "fabrikam's link", listener: "proxy", localAddress: BALANCER, source: LINK_ADDRESSES.fabrikam },
  { name: "fabrikam's link, directly", listener: "direct", localAddress: LINK_ADDRESSES.fabrikam },
  { name: "the public network, behind the balancer", listener: "proxy", localAddress: BALANCER, source: "203.0.113.7" },
  { name: "the public network", listener: "public", localAddress: STRANGER },
  { name: "contoso's link at the public listener", listener: "public", localAddress: LINK_ADDRESSES.contoso },
  { name: "a peer that is no balancer", listener: "proxy", localAddress: STRANGER, source: LINK_ADDRESSES.contoso },
];

const SEED = Number(process.env.LINKGATE_ATTACK_SEED ?? 20261121);
/** Of each gate. */
const REQUESTS = 50_000;

describe.each(gates)("attackers of $name", kind => {
  let field: Battlefield;
  beforeAll(async () => {
    field = await Battlefield.open(kind, "optional");
  });
  afterAll(() => field?.close());

  describe("shapes", () => {
    const battles = new Map<number, Battle>();
    const positions = [OWNER, ...OTHERS];
    const indexOf = (shape: number, position: number) => shape * positions.length + position;

    beforeAll(async () => {
      const plans: Plan[] = [];
      SHAPES.forEach((shape, number) => {
        positions.forEach((position, at) => {
          const way = field.way(position.listener, position.localAddress);
          if (way !== undefined) plans.push(planShape(shape, indexOf(number, at), way, position));
        });
      });
      const result = await field.fight(plans);
      for (const battle of result.battles) battles.set(battle.plan.index, battle);
      expect(result.problems.filter(problem => problem.plan === null)).toEqual([]);
    });

    SHAPES.forEach((shape, number) => {
      test(`${shape.group}: ${shape.name}`, () => {
        positions.forEach((position, at) => {
          const battle = battles.get(indexOf(number, at));
          if (battle === undefined) return; // counted below
          const outcome = outcomesOf(kind.name, shape)[position === OWNER ? "owner" : "others"];
          expect({ from: position.name, ...summarize(battle) }).toMatchObject(expectationOf(outcome));
          expect(field.compare(battle), position.name).toEqual([]);
        });
      });
    });

    test.for(RESERVED_HEADERS)("our own headers from the public network: %j", async line => {
      const way = field.way("public", STRANGER);
      if (way === undefined) throw new Error("every machine has 127.0.0.2");
      const http = `GET /Patient/~1000000.0~ HTTP/1.1\r\nHost: fabrikam.${ZONE.public}\r\n${line}\r\n\r\n`;
      const { battles, problems } = await field.fight([makePlan(1_000_000, way, Buffer.from(http))]);
      expect(problems).toEqual([]);
      const [battle] = battles;
      const isEnvoysOwn = kind.name === "envoy" && battle?.outcome.statuses[0] === 400;
      expect(battle?.lines).toHaveLength(isEnvoysOwn ? 0 : 1);
      expect(
        battle?.forwarded.flatMap(({ headers }) => headers.filter(([name]) => /private.link/i.test(name))),
      ).toEqual([]);
    });

    for (const [at, position] of positions.entries()) {
      test(`every shape was tried from ${position.name}`, ({ skip }) => {
        const way = field.way(position.listener, position.localAddress);
        if (way === undefined) skip("the address can't be had here: that takes root");
        expect(SHAPES.filter((_, number) => battles.has(indexOf(number, at)))).toHaveLength(SHAPES.length);
      });
    }
  });

  // By HTTP/2, which takes TLS, attackers come in attackers-http2.test.ts.
  test("no listener without TLS speaks HTTP/2, with or without an upgrade", async () => {
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"); // and empty SETTINGS
    for (const listener of ["direct", "proxy", "public"] as const) {
      const header = listener === "proxy" ? writeProxyHeader({ source: LINK_ADDRESSES.contoso }) : undefined;
      const connection = await RawConnection.open(field.gate.endpoints[listener], header);
      connection.send(preface);
      const answer = (await connection.readToEnd()).toString("latin1");
      connection.close();
      expect(answer).toMatch(/^HTTP\/1\.1 [45]\d\d |^$|^<html>/);
    }
  });

  test(`${REQUESTS} generated requests, seed ${SEED}`, async () => {
    const before = { ...field.tally };
    await campaign(field, { seed: SEED, requests: REQUESTS });
    const count = (name: keyof typeof before) => field.tally[name] - before[name];
    // A gate that refuses everything, or an attacker whom nobody listens to, shows nothing.
    expect(count("admitted")).toBeGreaterThan(REQUESTS / 10);
    expect(count("denied")).toBeGreaterThan(REQUESTS / 4);
    expect(count("refused")).toBeGreaterThan(REQUESTS / 50);
    expect(count("health")).toBeGreaterThan(REQUESTS / 100);
  }, 1_200_000);
});

function planShape(shape: Shape, index: number, way: Way, position: Position): Plan {
  const preface = position.source === undefined ? Buffer.alloc(0) : writeProxyHeader({ source: position.source });
  const http = shape.write(number => `~${index}.${number}~`);
  return makePlan(index, way, Buffer.concat([preface, Buffer.from(http, "latin1")]), [preface.length]);
}

type Summary = { admitted: number; forwarded: number; hidden: number; health: number; visible: readonly string[] };

/** What became of the shape's own request (mark 0), and of the one that hides in it. */
function summarize({ lines, forwarded }: Battle): Summary {
  const isOwn = (text: string) => markOf(text)?.endsWith(".0~") === true;
  const allowed = lines.filter(line => line.verdict === "allow" && line.status === 200);
  return {
    admitted: allowed.filter(line => isOwn(line.request_uri) && line.reason === "private-link").length,
    health: allowed.filter(line => line.reason === "health-check").length,
    forwarded: forwarded.filter(request => isOwn(request.target)).length,
    hidden: forwarded.filter(request => !isOwn(request.target)).length,
    visible: forwarded
      .flatMap(request => request.headers.map(([name]) => name))
      .filter(name => /private.link/i.test(name)),
  };
}

const OURS = ["x-private-link-id", "x-private-link-client"];

function expectationOf(outcome: Shape["owner"] | Shape["others"]): object {
  switch (outcome) {
    case "admitted":
      return { admitted: 1, forwarded: 1, health: 0 };
    case "cleaned":
      return {
        health: 0,
        visible: expect.toSatisfy((names: string[]) => names.length === 0 || names.join() === OURS.join()),
      };
    case "health":
      return { admitted: 0, forwarded: 0, hidden: 0, health: 1 };
    case "refused":
      return { admitted: 0, forwarded: 0, health: 0 };
    case "denied":
      return { admitted: 0, forwarded: 0, hidden: 0, health: 0 };
  }
}
