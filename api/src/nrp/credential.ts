import type { TokenCredential } from "@azure/identity";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment has to say, for messages. */
export const CREDENTIAL_NAMES =
  "AZURE_TENANT_ID, AZURE_CLIENT_ID and one of AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PATH";

/** Whether the environment says how to sign in; see {@link createCredential}. */
export function namesCredential(env: Environment): boolean {
  const has = (name: string): boolean => (env[name] ?? "") !== "";
  const how = ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"];
  return has("AZURE_TENANT_ID") && has("AZURE_CLIENT_ID") && how.some(has);
}

/**
 * The api's own identity, from the names that `@azure/identity` reads: workload identity where Kubernetes has set
 * `AZURE_FEDERATED_TOKEN_FILE`, else `AZURE_CLIENT_SECRET` or `AZURE_CLIENT_CERTIFICATE_PATH`, with `AZURE_TENANT_ID`,
 * `AZURE_CLIENT_ID` and, outside Azure's public cloud, `AZURE_AUTHORITY_HOST`. Not `DefaultAzureCredential`: it would
 * go on to whoever happens to be signed in on the machine. The package is loaded when a token is first needed, so that it
 * doesn't delay the start.
 */
export function createCredential(env: Environment): TokenCredential {
  let made: Promise<TokenCredential> | undefined;
  return {
    async getToken(scopes, options) {
      made ??= load((env.AZURE_FEDERATED_TOKEN_FILE ?? "") !== "");
      return await (await made).getToken(scopes, options);
    },
  };
}

async function load(isWorkload: boolean): Promise<TokenCredential> {
  const { EnvironmentCredential, WorkloadIdentityCredential } = await import("@azure/identity");
  // The authority is configured, not learned; one that Microsoft does not know of must serve too.
  const options = { disableInstanceDiscovery: true };
  return isWorkload ? new WorkloadIdentityCredential(options) : new EnvironmentCredential(options);
}
