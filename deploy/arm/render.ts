import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Writes the ARM provider manifest of one environment to stdout: `node deploy/arm/render.ts production`.
 * The api-versions are those of the contract.
 */

interface Environment {
  /** The application by which the resource provider acts at others. */
  readonly applicationId: string;
  /** Where ARM reaches the api of that region. */
  readonly endpointUri: string;
  /** Display names of regions. */
  readonly locations: readonly string[];
}

const HERE = import.meta.dirname;
const OPENAPI = join(HERE, "../../api/spec/generated/public/openapi.json");

const name = process.argv[2] ?? "";
const file = join(HERE, "environments", `${basename(name)}.json`);
if (name === "" || !existsSync(file)) {
  process.stderr.write("Name an environment: node deploy/arm/render.ts production|dogfood\n");
  process.exit(2);
}
const environment: Environment = JSON.parse(readFileSync(file, "utf8"));
const endpoint = {
  enabled: true,
  apiVersions: readApiVersions(),
  endpointUri: environment.endpointUri,
  locations: environment.locations,
  // What ARM itself waits for (ARM RPC, common-api-details).
  timeout: "PT60S",
};
const manifest = JSON.parse(readFileSync(join(HERE, "manifest.json"), "utf8"), (_key, value) => {
  switch (value) {
    case "{{applicationId}}":
      return environment.applicationId;
    case "{{endpointUri}}":
      return environment.endpointUri;
    case "{{endpoints}}":
      return [endpoint];
    default:
      return value;
  }
});
process.stdout.write(`${JSON.stringify(manifest, null, 2)}\n`);

function readApiVersions(): string[] {
  const { components } = JSON.parse(readFileSync(OPENAPI, "utf8"));
  return components.parameters["Azure.ResourceManager.CommonTypes.ApiVersionParameter"].schema.enum;
}
