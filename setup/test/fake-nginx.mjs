#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { argv, env } from "node:process";

/** Stands for an NGINX whose njs misbehaves: answers each path with the status that FAKE_NGINX has for it. */
const configuration = readFileSync(argv[argv.indexOf("-c") + 1] ?? "", "utf8");
const socket = /listen unix:(\S+http\.sock);/.exec(configuration)?.[1];
const statuses = JSON.parse(env.FAKE_NGINX ?? "{}");
createServer((request, response) => {
  response.writeHead(statuses[request.url ?? ""], { "x-njs": "0.9.9" }).end();
}).listen(socket);
process.on("SIGQUIT", () => process.exit(0));
