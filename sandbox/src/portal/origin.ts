import { type IncomingMessage, request as requestHttp, type ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";

/** Whom the portal's origin passes requests on to, as the ingress of a cluster does. */
export interface PortalOrigin {
  /** Origin of the api's admin listener, https. Asked for each request: another start may change it. */
  adminUrl(): string;
  /** Origin of the portal's own server, http on loopback. */
  portalUrl: string;
  /** PEM of the CA that the api's certificate comes from. */
  ca: string;
}

/** Headers of one hop (RFC 9110 section 7.6.1). */
const HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/** Answers for the portal's origin: `/admin/` from the api, everything else from the portal. Streams are passed on as they come. */
export function answerForPortal({ adminUrl, portalUrl, ca }: PortalOrigin) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const target = request.url ?? "/";
    const isAdmin = target === "/admin" || target.startsWith("/admin/");
    const url = new URL(isAdmin ? adminUrl() : portalUrl);
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !HOP.includes(name)));
    const options = {
      host: url.hostname,
      port: url.port,
      path: target,
      method: request.method,
      // A connection of its own: one that is kept may be closed at the other end just as it is used again, and a page
      // without one of its scripts never comes up.
      agent: false as const,
      headers: isAdmin ? { ...headers, host: url.host } : { ...headers, "x-forwarded-proto": "https" },
    };
    const onward = isAdmin ? requestHttps({ ...options, ca }) : requestHttp(options);
    onward.on("response", answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    onward.on("error", () => {
      if (response.headersSent) response.destroy();
      else
        response
          .writeHead(502, { "content-type": "text/plain" })
          .end("This part of the stack does not answer right now.\n");
    });
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  };
}
