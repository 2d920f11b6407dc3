import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from "node:tls";
import { type Peer, RawConnection } from "@linkgate/njs/testing";

/** An answer that came by HTTP/2. */
export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const DEADLINE_MS = 60_000;

/**
 * Opens TLS, behind a PROXY header if one is given.
 * @param protocols offered by ALPN, the best first
 * @param ca PEM text that the certificate, of `localhost`, is checked against
 * @param servername what is asked for by SNI
 * @throws the socket's own error, when there is no TLS or the certificate is not to be trusted
 */
export async function openTls(
  peer: Peer,
  ca: string,
  protocols: readonly string[],
  proxyHeader?: Uint8Array,
  servername = "localhost",
): Promise<TLSSocket> {
  const { socket } = await RawConnection.open(peer, proxyHeader);
  socket.removeAllListeners("data");
  const options = {
    socket,
    ca,
    servername,
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity("localhost", certificate),
    ALPNProtocols: [...protocols],
  };
  return new Promise((resolve, reject) => {
    const tls = connectTls(options, () => resolve(tls));
    tls.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed before TLS was up")));
  });
}

/** Speaks HTTP/2 over TLS that has agreed to it. */
export function speakHttp2(tls: TLSSocket): ClientHttp2Session {
  const session = connectHttp2("https://localhost", { createConnection: () => tls });
  session.on("error", () => {}); // each request says so itself
  return session;
}

/** Sends one request. @throws Error when its stream is reset or there is no whole answer in time */
export function askHttp2(session: ClientHttp2Session, headers: OutgoingHttpHeaders): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: true });
    const answer = { status: 0, headers: {} as Record<string, unknown>, body: "" };
    stream.setTimeout(DEADLINE_MS, () => stream.close());
    stream.on("response", received => {
      answer.status = Number(received[":status"]);
      answer.headers = received;
    });
    stream.setEncoding("utf8").on("data", text => {
      answer.body += text;
    });
    stream.once("error", reject);
    stream.once("close", () => (answer.status === 0 ? reject(new Error("no answer")) : resolve(answer)));
  });
}
