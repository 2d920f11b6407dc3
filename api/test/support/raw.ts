import { connect } from "node:tls";
import type { TestApi } from "./api.ts";

/** Sends bytes as ARM over a connection of its own, and returns what came back until the server closed it. */
export async function sendBytes(api: TestApi, bytes: string): Promise<string> {
  const { hostname, port } = new URL(api.urls.armUrl);
  const socket = connect({ host: hostname, port: Number(port), ca: api.serverCertificate, ...api.armCertificate });
  let text = "";
  // The server may close while bytes are still on their way to it; what it answered has come before.
  socket.on("error", () => {});
  socket.on("data", chunk => {
    text += chunk;
  });
  socket.write(bytes);
  await new Promise(resolve => socket.once("close", resolve));
  return text;
}
