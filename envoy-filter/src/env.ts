// The proxy-wasm ABI 0.2.1 (github.com/proxy-wasm/spec, abi-versions/v0.2.1), as far as this filter calls it: asc imports what is
// declared here from the module that is named like this file. Every call returns a status: 0 is success, and a caller treats any
// other as "not there".

/** Writes a line to Envoy's own log. */
export declare function proxy_log(level: u32, text: usize, length: usize): u32;

/** Reads an attribute; the parts of `path` are separated by NUL. 1 when there is none. */
export declare function proxy_get_property(path: usize, pathLength: usize, value: usize, valueLength: usize): u32;

/** Sets the filter state `wasm.<path>` of this request, for the access log and the filters behind this one. */
export declare function proxy_set_property(path: usize, pathLength: usize, value: usize, valueLength: usize): u32;

/** Reads a header; several of one name come joined. 1 when there is none. */
export declare function proxy_get_header_map_value(
  map: u32,
  name: usize,
  nameLength: usize,
  value: usize,
  valueLength: usize,
): u32;

/** Reads all headers: u32 count, then a pair of u32 lengths for each, then names and values, each with a NUL behind it. */
export declare function proxy_get_header_map_pairs(map: u32, pairs: usize, pairsLength: usize): u32;

/** Sets a header, in the place of all that have this name. */
export declare function proxy_replace_header_map_value(
  map: u32,
  name: usize,
  nameLength: usize,
  value: usize,
  valueLength: usize,
): u32;

/** Removes every header of this name. */
export declare function proxy_remove_header_map_value(map: u32, name: usize, nameLength: usize): u32;

/** Reads a part of a buffer. 1 when there is nothing in it. */
export declare function proxy_get_buffer_bytes(
  buffer: u32,
  start: usize,
  length: usize,
  bytes: usize,
  bytesLength: usize,
): u32;

/** Answers the request, which then goes no further. `details` becomes %RESPONSE_CODE_DETAILS%. */
export declare function proxy_send_local_response(
  status: u32,
  details: usize,
  detailsLength: usize,
  body: usize,
  bodyLength: usize,
  headers: usize,
  headersLength: usize,
  grpcStatus: i32,
): u32;

/** Has `proxy_on_tick` called for this root context, this often. */
export declare function proxy_set_tick_period_milliseconds(milliseconds: u32): u32;

/**
 * Sends a request to a cluster of the bootstrap; `proxy_on_http_call_response` gets the answer, with 0 headers when there was
 * none in time. Not 0 when the cluster is not known (yet).
 */
export declare function proxy_http_call(
  cluster: usize,
  clusterLength: usize,
  headers: usize,
  headersLength: usize,
  body: usize,
  bodyLength: usize,
  trailers: usize,
  trailersLength: usize,
  timeoutMilliseconds: u32,
  call: usize,
): u32;

/** Reads a value that all instances of this vm_id share, in all workers, and its compare-and-set number. 1: there is none. */
export declare function proxy_get_shared_data(
  key: usize,
  keyLength: usize,
  value: usize,
  valueLength: usize,
  cas: usize,
): u32;

/** Writes it if its number is still `cas`; 8 if not. For a key that is new any number will do; 0 writes always. */
export declare function proxy_set_shared_data(
  key: usize,
  keyLength: usize,
  value: usize,
  valueLength: usize,
  cas: u32,
): u32;

/** Finds or makes a metric of this name: `wasmcustom.<name>` in Envoy's stats, one for all workers. */
export declare function proxy_define_metric(kind: u32, name: usize, nameLength: usize, metric: usize): u32;

export declare function proxy_increment_metric(metric: u32, by: i64): u32;

export declare function proxy_record_metric(metric: u32, value: u64): u32;
