import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { expect, test } from "vitest";
import { ZONE } from "../gates/index.ts";
import { useEnvoy } from "./support/envoy.ts";

// The connections from Envoy to the tenants' services.

const LINK = 822088585;

const world = useEnvoy({ contoso: ["enabled", [LINK]], fabrikam: ["enabled", [LINK]] }, { workers: 1 });

/** How many connections Envoy has made to services so far. */
const countConnections = () => world.gate.sumStats("^cluster.linkgate_upstream.upstream_cx_total$");

test("a service's connection is used again, whichever host the client asks for; another account's is another", async () => {
  const header = writeProxyHeader({ source: linkAddress(LINK, "10.1.1.4") });
  const ask = async (account: string, zone: string) => {
    const answer = await exchange(world.gate.endpoints.proxy, { host: `${account}.${zone}` }, header);
    expect(answer.status).toBe(200);
    expect(answer.headers).toContainEqual(["x-served-by", account]);
  };
  for (let round = 0; round < 3; round++) {
    for (const zone of [ZONE.private, ZONE.public]) await ask("contoso", zone);
  }
  expect(await countConnections()).toBe(1);
  await ask("fabrikam", ZONE.private);
  expect(await countConnections()).toBe(2);
});
