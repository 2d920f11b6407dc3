import { describe, expect, it } from "vitest";
import { findOperation } from "../../src/contract/answers.ts";
import { contract, type Service } from "../../src/contract/contract.ts";
import { listRoutes } from "../support/routes.ts";

/** The services that ARM calls. */
const OF_ARM: readonly Service[] = ["public", "internal", "lifecycle"];

describe("the contract and the ARM listener", () => {
  it("have the same operations", async () => {
    const routes = await listRoutes();
    const answered = routes.map(({ method, path }) => findOperation(OF_ARM, method, path)?.id ?? `${method} ${path}`);
    const described = contract.operations.filter(({ service }) => OF_ARM.includes(service)).map(({ id }) => id);
    expect(answered.toSorted()).toEqual(described.toSorted());
  });

  it("agree on what is NRP's alone: all that is internal, and the writes of a connection", async () => {
    const routes = await listRoutes();
    const ofNrp = routes.filter(({ nrpOnly }) => nrpOnly);
    const ids = ofNrp.map(({ method, path }) => findOperation(OF_ARM, method, path)?.id);
    const internal = contract.operations.filter(({ service }) => service === "internal").map(({ id }) => id);
    const writes = ["PrivateEndpointConnections_CreateOrUpdate", "PrivateEndpointConnections_Delete"];
    expect(ids.toSorted()).toEqual([...internal, ...writes].toSorted());
  });
});
