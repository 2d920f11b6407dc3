import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { NginxProcess } from "../../supervisor/nginx-process.ts";
import { nginxCommand, nginxModules } from "./gate.ts";
import { until } from "./until.ts";

/** A real NGINX that answers questions with a script as the gate's bundle would have it: same engine, bundler and target. */
export class ScriptedNginx {
  readonly #dir: string;
  readonly #nginx: NginxProcess;

  private constructor(dir: string, nginx: NginxProcess) {
    this.#dir = dir;
    this.#nginx = nginx;
  }

  /**
   * Starts one.
   * @param script a module that exports `answer`, which turns a question into its answer; its imports resolve as in `njs/test`
   */
  static async start(script: string): Promise<ScriptedNginx> {
    const dir = mkdtempSync(join(tmpdir(), "lg-"));
    const handler = `
      const answerAll = r => r.return(200, JSON.stringify(JSON.parse(r.requestText).map(question => answer(question))));
      export default { answerAll };`;
    await build({
      stdin: { contents: `${script}${handler}`, resolveDir: join(import.meta.dirname, ".."), loader: "ts" },
      outfile: join(dir, "answer.js"),
      bundle: true,
      format: "esm",
      target: "es2020",
      platform: "neutral",
      logLevel: "warning",
    });
    const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(kind => `${kind}_temp_path ${dir}/${kind};`);
    const configuration = `
      load_module ${nginxModules()}/ngx_http_js_module.so;
      daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} pid ${dir}/pid; worker_processes 1; events {}
      http {
        ${temp.join(" ")} access_log off; js_engine qjs; js_import answer from ${dir}/answer.js;
        client_max_body_size 32m; client_body_buffer_size 32m;
        server { listen unix:${dir}/socket; location / { js_content answer.answerAll; } }
      }`;
    writeFileSync(join(dir, "nginx.conf"), configuration);
    const scripted = new ScriptedNginx(
      dir,
      await NginxProcess.start(nginxCommand(), join(dir, "error.log"), join(dir, "nginx.conf"), "scripted"),
    );
    await until(
      () => scripted.ask([]).catch(() => null),
      () => "NGINX does not answer",
    );
    return scripted;
  }

  /** An answer for each question. @throws Error with what NGINX said when the script failed */
  ask(questions: readonly unknown[]): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const options = { socketPath: join(this.#dir, "socket"), method: "POST", agent: false };
      const call = request(options, response => {
        let body = "";
        response.setEncoding("utf8").on("data", text => {
          body += text;
        });
        response.once("end", () => (response.statusCode === 200 ? resolve(JSON.parse(body)) : reject(new Error(body))));
      });
      call.once("error", reject);
      call.end(JSON.stringify(questions));
    });
  }

  async stop(): Promise<void> {
    await this.#nginx.killAll();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
