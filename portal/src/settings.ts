/** What the portal is told by its environment when it is started. Nothing of it is secret: browsers get all of it. */
export interface Settings {
  /** The tenant at the sign-in authority: `https://login.microsoftonline.com/{tenant}`. */
  readonly authority: string;
  /** The portal's own registration there: a single-page application. */
  readonly clientId: string;
  /** The scope of the admin API that a token is asked for. */
  readonly scope: string;
  /** Azure's portal, for links to resources. */
  readonly azurePortal: string;
}

/**
 * Reads the settings.
 * @throws Error that names the variable which is missing or no https URL
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const read = (name: string, fallback?: string): string => {
    const value = env[name] ?? fallback;
    if (value === undefined || value === "") throw new Error(`${name} is not set`);
    return value;
  };
  const readUrl = (name: string, fallback?: string): string => {
    const value = read(name, fallback);
    if (!URL.canParse(value) || new URL(value).protocol !== "https:")
      throw new Error(`${name} is no https URL: ${value}`);
    return value.replace(/\/$/, "");
  };
  return {
    authority: readUrl("LINKGATE_PORTAL_AUTHORITY"),
    clientId: read("LINKGATE_PORTAL_CLIENT_ID"),
    scope: read("LINKGATE_PORTAL_SCOPE", "api://linkgate-admin/user_impersonation"),
    azurePortal: readUrl("LINKGATE_PORTAL_AZURE_PORTAL", "https://portal.azure.com"),
  };
}
