import { createHash } from "node:crypto";

const style = `
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; }
main { box-sizing: border-box; width: 100%; max-width: 26rem; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; margin-top: .25rem; }
button { font: inherit; padding: .5rem 1.25rem; margin: 1.5rem .5rem 0 0; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
[role=alert] { border-inline-start: .25rem solid #c50f1f; padding: .25rem .75rem; margin: 0; }
`;
const styleHash = createHash("sha256").update(style).digest("base64");

/**
 * Headers of every page: no script, nothing from elsewhere, in nobody's frame. Browsers hold a form's redirects against
 * `form-action` too, so the places where it may lead have to be named.
 */
export function pageHeaders(leadsTo: unknown[] = []): Record<string, string> {
  const origins = leadsTo.flatMap(uri => (typeof uri === "string" && URL.canParse(uri) ? new URL(uri).origin : []));
  const forms = ["'self'", ...origins].join(" ");
  return {
    "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; form-action ${forms}; frame-ancestors 'none'; base-uri 'none'`,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
  };
}

/** The sign-in form; it is posted to its own URL. */
export function renderSignInPage(options: { application: string; userName: string; problem?: string }): string {
  const { application, userName, problem } = options;
  return renderPage(
    "Sign in",
    `<p>to continue to ${escapeHtml(application)}</p>
${problem === undefined ? "" : `<p role="alert">${escapeHtml(problem)}</p>`}
<form method="post">
<label for="user">User name</label>
<input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" value="${escapeHtml(userName)}" required${userName === "" ? " autofocus" : ""}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${userName === "" ? "" : " autofocus"}>
<button type="submit">Sign in</button><button type="submit" name="cancel" value="yes" formnovalidate>Cancel</button>
</form>
<p>This is the sandbox's sign-in. Its people and passwords are in stack.json, under portal.people.</p>`,
  );
}

/** @param form oidc-provider's form with its token against forgery; it has no button of its own. */
export function renderSignOutPage(form: string): string {
  return renderPage(
    "Sign out",
    `<p>Do you want to sign out?</p>
${form.replace("</form>", '<button type="submit" name="logout" value="yes">Sign out</button><button type="submit">Stay signed in</button></form>')}`,
  );
}

export function renderSignedOutPage(): string {
  return renderPage("Signed out", "<p>You have signed out. You may close this window.</p>");
}

export function renderErrorPage(message: string): string {
  return renderPage("Sorry, but we are having trouble signing you in", `<p role="alert">${escapeHtml(message)}</p>`);
}

function renderPage(title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - Linkgate sandbox</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${content}
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
