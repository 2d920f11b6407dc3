import type { KoaContextWithOIDC, Provider } from "oidc-provider";
import { type Application, tenantId } from "./applications.ts";
import { type EntraError, EntraRefusal, entraErrors, renderEntraError } from "./entra-errors.ts";

/** Gives the token endpoint Entra's answers: `ext_expires_in`, `client_info`, and errors with their AADSTS numbers. */
export function answerAsEntra(
  provider: Provider,
  tokenPath: string,
  applications: ReadonlyMap<string, Application>,
): void {
  const thrown = new WeakMap<object, Error>();
  provider.on("grant.error", (context, error) => void thrown.set(context, error));
  provider.use(async (context, next) => {
    await next();
    if (context.path !== tokenPath || typeof context.body !== "object" || context.body === null) return;
    const body = context.body as Record<string, unknown>;
    const { oidc } = context as KoaContextWithOIDC;
    if (context.status === 200) {
      const person = oidc.entities.Account?.accountId;
      context.body = {
        ...body,
        ext_expires_in: body.expires_in,
        ...(person !== undefined && oidc.body?.client_info ? { client_info: composeClientInfo(person) } : {}),
      };
      return;
    }
    const cause = thrown.get(context);
    const error = cause instanceof EntraRefusal ? cause.refusal : explain(oidc, applications, context.status, body);
    context.status = error.status;
    context.body = renderEntraError(error);
  });
}

/** Who signed in, as MSAL names its accounts. */
function composeClientInfo(objectId: string): string {
  return Buffer.from(JSON.stringify({ uid: objectId, utid: tenantId })).toString("base64url");
}

function explain(
  oidc: KoaContextWithOIDC["oidc"] | undefined,
  applications: ReadonlyMap<string, Application>,
  status: number,
  body: Record<string, unknown>,
): EntraError {
  const form = (oidc?.body ?? {}) as Record<string, unknown>;
  const clientId = String(form.client_id ?? "");
  const code = String(body.error);
  if (form.grant_type === undefined) return entraErrors.missingParameter("grant_type");
  if (code === "unsupported_grant_type") return entraErrors.unsupportedGrant(String(form.grant_type));
  if (code.startsWith("invalid_") && clientId === "") return entraErrors.missingParameter("client_id");
  if (code === "invalid_client") {
    if (!applications.has(clientId)) return entraErrors.unknownApplication(clientId);
    return form.client_secret ? entraErrors.wrongSecret(clientId) : entraErrors.missingSecret();
  }
  const text = String(body.error_description ?? "");
  return code === "invalid_grant" ? entraErrors.invalidGrant(text) : entraErrors.refused(status, code, text);
}
