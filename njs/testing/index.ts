export { type AccessLogLine, parseLogLine, readLog, waitForLog } from "./access-log.ts";
export { findFreePorts } from "./free-ports.ts";
export { linkAddress, linkTlv, type ProxyHeader, parseAddress, type Tlv, writeProxyHeader } from "./proxy-header.ts";
export {
  exchange,
  type Peer,
  RawConnection,
  type RawRequest,
  type RawResponse,
  writeRequest,
} from "./raw-client.ts";
