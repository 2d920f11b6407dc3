import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { errors, type Provider } from "oidc-provider";
import { pageHeaders, renderErrorPage, renderSignInPage } from "./pages.ts";
import type { Person } from "./people.ts";

/** Bytes; a user name and a password are far from it. */
const formLimit = 8192;
const mismatch = "Your account or password is incorrect.";

/**
 * Serves the sign-in page, GET and POST. Which sign-in it is, oidc-provider knows by a cookie that only this page's path
 * gets, so a form posted from elsewhere finds none.
 */
export async function serveSignIn(
  provider: Provider,
  people: readonly Person[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { params, prompt } = await provider.interactionDetails(request, response);
    const finish = (result: Record<string, unknown>): Promise<void> =>
      provider.interactionFinished(request, response, result);
    if (prompt.name === "consent") return await finish({ consent: {} });
    const page = { application: "Linkgate portal", userName: String(params.login_hint ?? "") };
    const show = (status: number, text: string): void => send(response, status, text, params.redirect_uri);
    if (request.method !== "POST") return show(200, renderSignInPage(page));
    const form = await readForm(request);
    if (form.has("cancel")) {
      const text = "AADSTS65004: User declined to consent to access the app.";
      return await finish({ error: "access_denied", error_description: text });
    }
    const userName = form.get("user") ?? "";
    const person = people.find(one => one.userName === userName.trim().toLowerCase());
    if (!isSame(form.get("password") ?? "", person?.password ?? "") || !person) {
      return show(400, renderSignInPage({ ...page, userName, problem: mismatch }));
    }
    await finish({ login: { accountId: person.objectId }, select_account: {} });
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound || error instanceof FormError)) throw error;
    send(response, 400, renderErrorPage("This sign-in has ended or was never begun here. Go back and sign in again."));
  }
}

class FormError extends Error {}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > formLimit) throw new FormError("The form is too long.");
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}

/** In the same time whatever they are; nothing is the same as an empty text. */
function isSame(left: string, right: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(left), hash(right)) && right !== "";
}

function send(response: ServerResponse, status: number, text: string, leadsTo?: unknown): void {
  response.writeHead(status, { ...pageHeaders([leadsTo]), "content-type": "text/html; charset=utf-8" }).end(text);
}
