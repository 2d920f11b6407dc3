import { type NextRequest, NextResponse } from "next/server";
import { readSettings } from "./settings.ts";

/**
 * Security headers of every page (CSP Level 3): scripts and styles by a nonce of this answer alone, no frames, nothing from
 * elsewhere but the sign-in authority's endpoints. Next.js reads the nonce from the request's header for its own scripts.
 */
export function proxy(request: NextRequest): NextResponse {
  const nonce = btoa(crypto.randomUUID());
  const { authority } = readSettings(process.env);
  const isDevelopment = process.env.NODE_ENV === "development";
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'${isDevelopment ? " 'unsafe-eval'" : ""}`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self' ${new URL(authority).origin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  headers.set("content-security-policy", policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", policy);
  response.headers.set("cross-origin-opener-policy", "same-origin");
  response.headers.set("referrer-policy", "no-referrer");
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
  response.headers.set("strict-transport-security", "max-age=31536000");
  return response;
}

/** Everything but the files of the build, which carry hashes in their names. */
export const config = { matcher: "/((?!_next/static|favicon).*)" };
