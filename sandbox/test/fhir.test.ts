import { existsSync } from "node:fs";
import { Agent, request } from "undici";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FhirServices, startFhirServices } from "../src/fhir/services.ts";
import type { Json } from "./support/azure.ts";

let services: FhirServices;
beforeEach(async () => {
  services = await startFhirServices();
});
afterEach(() => services?.close());

async function ask(account: string, path: string, headers: Record<string, string> = {}): Promise<Json> {
  const dispatcher = new Agent({ connect: { socketPath: `${services.folder}/${account}.sock` } });
  try {
    return await (await request(`http://beta.example${path}`, { dispatcher, headers })).body.json();
  } finally {
    await dispatcher.destroy();
  }
}

it("names its own account, whatever the request says, and repeats what it was told", async () => {
  await services.start("Alpha");
  await services.start("beta");
  const headers = { "x-private-link-id": "822088585", "x-private-link-client": "10.1.1.4:822088585" };
  expect(await ask("alpha", "/Patient?name=x", headers)).toMatchObject({
    account: "alpha",
    resourceType: "Bundle",
    told: {
      method: "GET",
      target: "/Patient?name=x",
      host: "beta.example",
      privateLinkId: "822088585",
      privateLinkClient: "10.1.1.4:822088585",
    },
  });
  expect(await ask("beta", "/metadata")).toMatchObject({ account: "beta", resourceType: "CapabilityStatement" });
  expect(await ask("beta", "/health/check")).toMatchObject({ overallStatus: "Healthy", told: { privateLinkId: null } });
});

it("starts once and stops for good", async () => {
  await Promise.all([services.start("alpha"), services.start("alpha")]);
  await services.stop("ALPHA");
  await services.stop("alpha");
  expect(existsSync(`${services.folder}/alpha.sock`)).toBe(false);
  await services.start("alpha");
  expect((await ask("alpha", "/")).account).toBe("alpha");
});

it("refuses a name that is no label, and keeps socket paths short", async () => {
  await expect(services.start("../x")).rejects.toThrow("no account name");
  expect(services.folder.length).toBeLessThan(61);
});

it("answers for no account on the shared port", async () => {
  expect(await (await request(services.url)).body.json()).toMatchObject({ account: null });
});
