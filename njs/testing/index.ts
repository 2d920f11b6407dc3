// What clients of a gate are made of, and where listeners of tests go: for the tests of every part, the benchmarks, and the sandbox's
// story. Nothing of it is NGINX's own; it lies with the gate that was there first.

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
