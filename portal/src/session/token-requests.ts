import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from "@azure/msal-browser";

/** Milliseconds for an answer of the sign-in authority. */
const LIMIT = 20_000;

/**
 * MSAL's requests to the sign-in authority, with an end. Its own have none, and all that asks for a token joins the request
 * that is under way: one that is never answered would leave the page without any token for ever.
 */
export const tokenRequests: INetworkModule = {
  sendGetRequestAsync: (url, options) => exchange("GET", url, options),
  sendPostRequestAsync: (url, options) => exchange("POST", url, options),
};

async function exchange<T>(
  method: "GET" | "POST",
  url: string,
  { headers = {}, body }: NetworkRequestOptions = {},
): Promise<NetworkResponse<T>> {
  const signal = AbortSignal.timeout(LIMIT);
  const response = await fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });
  return {
    headers: Object.fromEntries(response.headers),
    body: (await response.json()) as T,
    status: response.status,
  };
}
