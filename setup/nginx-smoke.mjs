import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CommandError, messageOf } from "./run.mjs";

const START_DEADLINE_MS = 60_000;
const ANSWER_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 10_000;

/** The gate in miniature: admits, denies, and fails in the way in which njs before 1.0.1 lets a request through. */
const SCRIPT = `
function allow(r) { ngx.shared.smoke.set("seen", "yes"); }
function deny(r) { r.return(403, "denied"); }
async function reject(r) { throw new Error("refused before the first wait"); }
function answer(r) {
  r.headersOut["x-njs"] = njs.version;
  r.return(ngx.shared.smoke.get("seen") === "yes" ? 200 : 500);
}
export default { allow, deny, reject, answer };
`;

/**
 * Starts an NGINX with everything the gate needs and asks it three questions over a socket: an admitted request, a denied
 * one, and one whose handler fails.
 *
 * @param {string} command absolute path of an nginx
 * @param {string} modules folder of its dynamic modules
 * @returns {Promise<{ njs: string }>} the version that njs itself reports
 * @throws {CommandError} saying what it did wrong, with NGINX's error log
 */
export async function smokeNginx(command, modules) {
  const dir = mkdtempSync(join(tmpdir(), "linkgate-smoke-"));
  const socket = join(dir, "http.sock");
  const errorLog = join(dir, "error.log");
  mkdirSync(join(dir, "temp"));
  // Workers that NGINX starts as another user must reach their files.
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, "smoke.js"), SCRIPT);
  writeFileSync(join(dir, "nginx.conf"), configurationOf(dir, modules, socket));
  const child = spawn(command, ["-e", errorLog, "-c", join(dir, "nginx.conf"), "-g", "daemon off;"], {
    stdio: "ignore",
  });
  /** @type {Promise<string>} */
  const ended = new Promise(resolve => {
    child.once("error", error => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`ended with ${signal ?? code}`));
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  try {
    return await judge(socket, ended);
  } catch (error) {
    throw new CommandError(messageOf(error), existsSync(errorLog) ? readFileSync(errorLog, "utf8") : "");
  } finally {
    child.kill("SIGQUIT");
    if ((await Promise.race([ended, delay(STOP_DEADLINE_MS, null, { ref: false })])) === null) kill();
    process.off("exit", kill);
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * @param {string} socket
 * @param {Promise<string>} ended
 * @returns {Promise<{ njs: string }>}
 */
async function judge(socket, ended) {
  const allowed = await askUntilAnswered(socket, "/allow", ended);
  if (allowed.status !== 200) throw new Error(`an admitted request was answered ${allowed.status}`);
  const denied = await ask(socket, "/deny");
  if (denied.status !== 403) throw new Error(`a denied request was answered ${denied.status}`);
  const failed = await ask(socket, "/reject");
  if (failed.status !== 500) throw new Error(`njs fails open: a handler that failed was answered ${failed.status}`);
  return { njs: allowed.njs };
}

/**
 * @param {string} socket
 * @param {string} path
 * @param {Promise<string>} ended
 */
async function askUntilAnswered(socket, path, ended) {
  const deadline = Date.now() + START_DEADLINE_MS;
  let over = /** @type {string | null} */ (null);
  ended.then(how => {
    over = how;
  });
  for (;;) {
    try {
      return await ask(socket, path);
    } catch (error) {
      if (over !== null) throw new Error(`NGINX ${over}`);
      if (Date.now() > deadline) throw new Error(`NGINX does not answer: ${error}`);
      await delay(10);
    }
  }
}

/**
 * @param {string} socketPath
 * @param {string} path
 * @returns {Promise<{ status: number, njs: string }>}
 */
function ask(socketPath, path) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, agent: false, timeout: ANSWER_DEADLINE_MS }, response => {
      response.resume();
      response.once("end", () => resolve({ status: response.statusCode ?? 0, njs: String(response.headers["x-njs"]) }));
    });
    call.once("timeout", () => call.destroy(new Error(`no answer in ${ANSWER_DEADLINE_MS / 1000} s`)));
    call.once("error", reject);
    call.end();
  });
}

/**
 * @param {string} dir
 * @param {string} modules
 * @param {string} socket
 */
function configurationOf(dir, modules, socket) {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    kind => `  ${kind}_temp_path ${dir}/temp/${kind};`,
  );
  return `
load_module ${modules}/ngx_http_js_module.so;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${dir}/nginx.pid;
worker_processes 1;
events {}
http {
  access_log off;
${temp.join("\n")}
  js_engine qjs;
  js_import smoke from ${dir}/smoke.js;
  js_shared_dict_zone zone=smoke:1m;
  server {
    listen unix:${socket};
    listen unix:${dir}/proxy.sock proxy_protocol;
    set_real_ip_from unix:;
    real_ip_header proxy_protocol;
    location /allow { js_access smoke.allow; js_content smoke.answer; }
    location /deny { js_access smoke.deny; js_content smoke.answer; }
    location /reject { js_access smoke.reject; js_content smoke.answer; }
  }
}
`;
}
