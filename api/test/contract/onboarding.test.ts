import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import type { ArmRoute } from "../../src/arm/app.ts";
import { contract } from "../../src/contract/contract.ts";
import { OPERATIONS } from "../../src/provider/operations.ts";
import { listRoutes } from "../support/routes.ts";

const ARM = join(import.meta.dirname, "../../../deploy/arm");
const PROVIDER = "Microsoft.HealthcareApis";
const PROXY = `${PROVIDER}/services/privateEndpointConnectionProxies`;
/** No call: ARM asks for it when an endpoint is to be approved at once (reference: "linked access check"). */
const APPROVAL = `${PROVIDER}/services/privateEndpointConnectionsApproval/action`;

describe("what ARM is told at onboarding", () => {
  let routes: readonly ArmRoute[];

  beforeAll(async () => {
    routes = (await listRoutes()).filter(({ path }) => path.includes(`/providers/${PROVIDER}`));
  });

  it("the operations are the permissions of all routes, and the approval at once", () => {
    const names = OPERATIONS.map(({ name }) => name);
    expect(names.toSorted()).toEqual([...new Set(routes.map(permissionOf)), APPROVAL].toSorted());
  });

  it("exactly what the proxies need is marked as internal", () => {
    for (const { name, actionType } of OPERATIONS) {
      expect(actionType, name).toBe(name?.startsWith(PROXY) ? "Internal" : undefined);
    }
  });

  it("operations.json is what the api answers", async () => {
    expect(await readJson("operations.json")).toEqual({ value: OPERATIONS });
  });

  it("NRP's role permits what NRP alone may call, and to follow it; the four of the requirement are among it", async () => {
    const { Actions } = await readRole("network-resource-provider");
    const needed = new Set(routes.filter(({ nrpOnly }) => nrpOnly).map(permissionOf));
    expect(Actions.toSorted()).toEqual([...needed, `${PROVIDER}/locations/operationresults/read`].toSorted());
    expect(Actions).toEqual(
      expect.arrayContaining(["read", "write", "delete", "validate/action"].map(action => `${PROXY}/${action}`)),
    );
  });

  it("a data admin's role permits nothing that is internal, and nothing that does not exist", async () => {
    const { Actions } = await readRole("private-link-data-admin");
    const open = OPERATIONS.filter(({ actionType }) => actionType !== "Internal").map(({ name }) => name);
    expect(open).toEqual(expect.arrayContaining(Actions));
  });

  describe.each([
    ["production", "7e23c164-0bbc-4020-be55-aa5cf7f1ae28"],
    ["dogfood", "dc9e16dc-2d52-4950-ae2f-37d19ed2e317"],
  ])("the manifest for %s", (environment, applicationId) => {
    let manifest: Manifest;

    beforeAll(async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [join(ARM, "render.ts"), environment]);
      expect(stdout).not.toContain("{{");
      manifest = JSON.parse(stdout);
    });

    it("has every resource type of the routes, and no other", () => {
      const types = routes.map(route => typeOf(route).slice(PROVIDER.length + 1));
      const parents = types.flatMap(type =>
        type.split("/").map((_part, index, all) => all.slice(0, index + 1).join("/")),
      );
      expect(manifest.resourceTypes.map(({ name }) => name).toSorted()).toEqual([...new Set(parents)].toSorted());
    });

    it("answers every api-version of the contract for each", () => {
      for (const { name, endpoints } of manifest.resourceTypes) {
        expect(
          endpoints.flatMap(({ apiVersions }) => apiVersions),
          name,
        ).toEqual(contract.apiVersions);
      }
    });

    it("authorizes the application of that environment by our role", async () => {
      const { Id } = await readRole("resource-provider");
      expect(manifest.providerAuthorizations).toEqual([{ applicationId, roleDefinitionId: Id }]);
    });

    it("has everything below an account passed on, and only accounts kept by ARM", () => {
      for (const { name, routingType } of manifest.resourceTypes) {
        expect(routingType.startsWith("ProxyOnly"), name).toBe(name !== "services");
      }
    });
  });
});

interface Manifest {
  readonly providerAuthorizations: readonly unknown[];
  readonly resourceTypes: readonly {
    readonly name: string;
    readonly routingType: string;
    readonly endpoints: readonly { readonly apiVersions: readonly string[] }[];
  }[];
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(join(ARM, path), "utf8"));
}

function readRole(name: string): Promise<{ Id: string; Actions: string[] }> {
  return readJson(`role-definitions/${name}.json`);
}

/** The resource type that a route's path names, an action at its end not counted. */
function typeOf({ method, path }: ArmRoute): string {
  const segments = path.slice(path.indexOf(PROVIDER)).split("/");
  const names = segments.filter(segment => !segment.startsWith(":"));
  return names.slice(0, method === "POST" ? -1 : undefined).join("/");
}

const VERBS: Readonly<Record<string, string>> = { GET: "read", PUT: "write", PATCH: "write", DELETE: "delete" };

/** The permission that ARM asks for before it forwards a call (Azure RBAC: verbs and actions). */
function permissionOf(route: ArmRoute): string {
  const action = route.method === "POST" ? `${route.path.split("/").at(-1)}/action` : VERBS[route.method];
  return `${typeOf(route)}/${action}`;
}
