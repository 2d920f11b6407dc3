import {
  type AccountInfo,
  AuthError,
  type AuthenticationResult,
  BrowserAuthError,
  CacheLookupPolicy,
  InteractionRequiredAuthError,
  PublicClientApplication,
} from "@azure/msal-browser";
import { Problem } from "../api/problem.ts";
import type { Settings } from "../settings.ts";
import { tokenRequests } from "./token-requests.ts";

/** Who is signed in, as far as the portal shows it. What they may do, the API decides. */
export interface Person {
  readonly objectId: string;
  readonly name: string;
  readonly userName: string;
  /** App roles; they decide what is shown, never what is allowed. */
  readonly roles: readonly string[];
}

/** The session at the sign-in authority has ended: the person has to sign in again. */
export class SessionEnded extends Error {
  constructor() {
    super("The session has ended.");
    this.name = "SessionEnded";
  }
}

/** The way to the sign-in authority: Entra, or what plays it. */
export interface SignIn {
  /** Whoever is signed in; undefined for nobody. */
  readonly person: Person | undefined;
  /** Leaves the page, and comes back to it signed in. */
  signIn(): Promise<void>;
  signOut(): Promise<void>;
  /** An access token for the admin API, renewed silently when it is due. @throws SessionEnded; Problem for no answer */
  getToken(): Promise<string>;
}

/**
 * Prepares MSAL, and finishes a sign-in that this page load is the end of.
 *
 * Tokens lie in the tab's session storage and end with it. The authority is named as known, so that its metadata comes from
 * itself and from nowhere else.
 */
export async function openSignIn(settings: Settings): Promise<SignIn> {
  const client = new PublicClientApplication({
    auth: {
      clientId: settings.clientId,
      authority: settings.authority,
      knownAuthorities: [new URL(settings.authority).host],
      redirectUri: `${location.origin}/`,
      postLogoutRedirectUri: `${location.origin}/`,
    },
    cache: { cacheLocation: "sessionStorage" },
    system: { networkClient: tokenRequests },
  });
  await client.initialize();
  const result = await client.handleRedirectPromise();
  const account = result?.account ?? client.getActiveAccount() ?? client.getAllAccounts()[0] ?? null;
  client.setActiveAccount(account);
  const request = { scopes: [settings.scope] };
  // A hidden frame is no way to a token: the portal stands in no frame, nor has it any (see proxy.ts).
  const cacheLookupPolicy = CacheLookupPolicy.AccessTokenAndRefreshToken;
  return {
    person: account === null ? undefined : toPerson(account),
    signIn: () => client.loginRedirect({ ...request, ...(account === null ? {} : { loginHint: account.username }) }),
    signOut: () => client.logoutRedirect(account === null ? {} : { account }),
    getToken: async () => {
      if (account === null) throw new SessionEnded();
      return (await client.acquireTokenSilent({ ...request, account, cacheLookupPolicy }).catch(explain)).accessToken;
    },
  };
}

/**
 * What MSAL says when nothing but a person at the sign-in page helps (silence about it would be a page that never loads), and
 * when the authority gave no answer, which may pass.
 */
function explain(error: unknown): AuthenticationResult {
  const isEnded =
    error instanceof InteractionRequiredAuthError ||
    (error instanceof BrowserAuthError && /timed_out|no_account|token_request|native_account/.test(error.errorCode));
  if (isEnded) throw new SessionEnded();
  const isAway = error instanceof AuthError && /network_error|endpoints_resolution|openid_config/.test(error.errorCode);
  throw isAway ? new Problem(0, "NoSignIn", error.message, "") : error;
}

function toPerson({ idTokenClaims, localAccountId, name, username }: AccountInfo): Person {
  return {
    objectId: idTokenClaims?.oid ?? localAccountId,
    name: name ?? username,
    userName: username,
    roles: idTokenClaims?.roles ?? [],
  };
}
