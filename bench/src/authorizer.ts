import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import {
  Decision,
  isAllowed,
  Listener,
  readAddress,
  Source,
  TABLE_CURRENT,
  type Table,
  TLV_OFF,
  Zones,
} from "@linkgate/core";
import { StringSink } from "@linkgate/core/string-sink";
import { CORES } from "./cores.ts";
import { linksOf, nameAccount } from "./feed.ts";
import { endChild } from "./processes.ts";
import type { Service } from "./upstream.ts";

// What NGINX's auth_request and Envoy's ext_authz ask, as a team that knows Node would write it: a process of its own.

/** `decide`: the same decision by the same core over HTTP, with the table in its memory. `allow`: over gRPC, yes to everything. */
type Mode = "decide" | "allow";

/** The header in which the proxy gives the client's address; it replaces whatever the client sent. */
export const SOURCE_HEADER = "x-forwarded-for";

/** Answers 204 with the headers for the upstream, or 403. The host is that of the request asked about. */
function createDecider(accounts: number): Server {
  const entries = new Map<string, string>();
  for (let n = 0; n < accounts; n++) entries.set(nameAccount(n), `disabled\t${linksOf(n).join()}\t1`);
  let host = "";
  const table: Table = {
    readState: () => TABLE_CURRENT,
    findEntry: length => entries.get(host.slice(0, length)) ?? null,
  };
  const decision = new Decision(new StringSink(), new StringSink());
  const source = new Source();
  const listener = new Listener(true, TLV_OFF);
  const zones = new Zones();
  zones.add("azurehealthcareapis.com", "privatelink.azurehealthcareapis.com");
  return createHttpServer((request, response) => {
    host = request.headers.host ?? "";
    source.clear();
    source.isReadable = readAddress(String(request.headers[SOURCE_HEADER] ?? ""), source.address);
    const target = request.url ?? "";
    const reason = decision.decide(host, request.method ?? "", target, source, listener, zones, table);
    if (isAllowed(reason)) {
      response.setHeader("x-private-link-id", decision.linkId.text as string);
      response.setHeader("x-private-link-client", decision.client.text as string);
    } else {
      response.statusCode = 403;
    }
    response.end();
  });
}

/** `grpc.Check` answered "allowed": an empty status (google.rpc.Status of code 0) in a message of two bytes, after gRPC's five. */
const ALLOWED = Buffer.from("00000000020a00", "hex");

function createYesSayer(): Http2Server {
  const server = createHttp2Server();
  server.on("stream", stream => {
    stream.resume();
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("end", () => {
      if (stream.destroyed) return; // it took too long
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.end(ALLOWED);
    });
    stream.on("error", () => {});
  });
  server.on("sessionError", () => {});
  return server;
}

/** Starts one on the second core. */
export async function startAuthorizer(mode: Mode, accounts: number): Promise<Omit<Service, "socket">> {
  // Never before everything else: Node's threads wait for each other by spinning, for ever if they share a core at that priority.
  const script = fileURLToPath(import.meta.url);
  const child = spawn("taskset", ["-c", CORES.others, process.execPath, script, mode, String(accounts)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    port: Number(line),
    pid: child.pid ?? 0,
    stop: () => endChild(child, "SIGTERM"),
  };
}

if (import.meta.main) {
  const [mode, accounts] = process.argv.slice(2);
  const server = mode === "decide" ? createDecider(Number(accounts)) : createYesSayer();
  server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
}
