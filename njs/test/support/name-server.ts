import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";

/**
 * A DNS server that says 127.0.0.1 for every name (RFC 1035): NGINX's resolver does not read the hosts file.
 * @returns its address as `LINKGATE_RESOLVER` takes it, and what it was asked
 */
export async function startNameServer(): Promise<{ address: string; names: string[]; stop(): void }> {
  const names: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, peer) => {
    const end = query.indexOf(0, 12);
    names.push(readName(query.subarray(12, end)));
    const question = query.subarray(12, end + 5);
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(1, 6);
    const answer = Buffer.from("c00c000100010000003c00047f000001", "hex");
    socket.send(Buffer.concat([head, question, answer]), peer.port, peer.address);
  });
  await new Promise<void>(resolve => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port} ipv6=off`,
    names,
    stop: () => socket.close(),
  };
}

function readName(labels: Buffer): string {
  const parts: string[] = [];
  for (let at = 0; at < labels.length; at += (labels[at] ?? 0) + 1) {
    parts.push(labels.subarray(at + 1, at + 1 + (labels[at] ?? 0)).toString());
  }
  return parts.join(".");
}
