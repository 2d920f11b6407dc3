import type { Stack } from "./stack/stack.ts";

/** Every address of a running stack and a first thing to try, for the person who started it. */
export function listPlaces(stack: Stack): string {
  const { arm, rp, gates, feed, upstream, portal, zone } = stack.description;
  const rows = [
    ...(portal.url === undefined ? [] : [["portal", portal.url]]),
    ["ARM and NRP", arm.url],
    ["sign-in authority", `${arm.authority}/${arm.tenantId}`],
    ["api for ARM", rp.url],
    ["api for admins", rp.adminUrl],
    ["feed for gates", feed.url],
    ["NGINX, direct", gates.nginx.httpUrl],
    ["NGINX, public", stack.publicUrl],
    ["NGINX, PROXY", gates.nginx.proxyProtocolAddress],
    ["Envoy, direct", gates.envoy.httpUrl],
    ["Envoy, PROXY", gates.envoy.proxyProtocolAddress],
    ["sample FHIR", upstream.url],
    ["NGINX, log", gates.nginx.accessLog],
    ["Envoy, log", gates.envoy.accessLog],
    ["everything else", stack.paths.stackFile],
  ];
  const list = rows.map(([name = "", place]) => `  ${name.padEnd(18)} ${place}`).join("\n");
  const url = `${gates.nginx.httpUrl}/health/check`;
  const people = Object.entries(portal.people)
    .map(([name, { user, password }]) => `  ${name.padEnd(18)} ${user}  ${password}`)
    .join("\n");
  return `${list}

Sign in to the portal as
${people}

Try:  curl -g -H 'Host: contoso.${zone.private}' '${url}'
Ctrl-C stops it all.`;
}
