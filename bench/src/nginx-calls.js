// What no gate in njs can do without: the calls that bring a request's host, source, target and header names, the state of the table
// and the account's entry; those that hand on verdict, reason, account, link and client; and, when the log is written, those that
// count the request. It decides nothing, so what the gate costs beyond this is the gate's own.

const { lg_meta: meta, lg_table1: table, lg_requests: requests, lg_bytes: bytes } = ngx.shared;

/** As long as the gate's entries of three links, and its state. */
const ENTRY = "disabled\t3000000001,1000000000,1000000001\t1";
const STATE = "x".repeat(300);

function fill() {
  const accounts = Number(process.env.BENCH_ACCOUNTS);
  for (let account = 0; account < accounts; account++) {
    table.add(`account${String(account).padStart(7, "0")}`, ENTRY);
  }
  meta.set("calls", STATE);
}

function check(r) {
  if (meta.get("calls") === undefined) fill();
  const variables = r.variables;
  const { host } = variables;
  const account = host.slice(0, host.indexOf("."));
  const brought =
    variables.realip_remote_addr === variables.remote_addr &&
    r.rawVariables.binary_remote_addr.length === 16 &&
    variables.request_uri !== "" &&
    variables.http_host === host &&
    (variables.http_upgrade ?? "") === "" &&
    Number(variables.connection_time) >= 0 &&
    Object.getOwnPropertyNames(r.headersIn).length > 0 &&
    meta.get("calls") !== undefined &&
    Date.now() > 0 &&
    table.get(account) !== undefined;
  variables.linkgate_account = account;
  variables.linkgate_link_id = "3000000001";
  variables.linkgate_client = "10.1.1.4:3000000001";
  variables.linkgate_verdict = "allow";
  variables.linkgate_reason = "private-link";
  if (!brought) r.return(500); // ends a benchmark
}

function count(r) {
  const { linkgate_account: account, linkgate_reason: reason, linkgate_link_id: link, bytes_sent: sent } = r.variables;
  const key = `${account}\t${reason}\t${link}`;
  bytes.incr(key, Number(sent), 0);
  requests.incr(key, 1, 0);
  return "";
}

export default { check, count };
