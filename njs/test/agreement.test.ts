import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, createAnswerer, type Question } from "@linkgate/core/testing/answer";
import { sampleQuestions } from "@linkgate/core/testing/questions";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NginxProcess } from "../supervisor/nginx-process.ts";
import { nginxCommand, nginxModules } from "./support/gate.ts";
import { until } from "./support/until.ts";

const SEED = 20261121;
const COUNT = 100_000;
const BATCH = 5000;

let dir: string;
let nginx: NginxProcess;

/** An NGINX that answers batches of questions with core as the gate's bundle has it: same engine, same bundler, same target. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "lg-"));
  const entry = `
    import { createAnswerer } from "@linkgate/core/testing/answer";
    const answer = createAnswerer();
    const answerAll = r => r.return(200, JSON.stringify(JSON.parse(r.requestText).map(answer)));
    export default { answerAll };`;
  await build({
    stdin: { contents: entry, resolveDir: import.meta.dirname, loader: "ts" },
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
  nginx = await NginxProcess.start(nginxCommand(), join(dir, "error.log"), join(dir, "nginx.conf"));
  await until(
    () => ask([]).catch(() => null),
    () => "NGINX does not answer",
  );
});

afterAll(async () => {
  await nginx.killAll();
  rmSync(dir, { recursive: true, force: true });
});

function ask(questions: Question[]): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: join(dir, "socket"), method: "POST", agent: false }, response => {
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

test(`njs and Node decide the same on ${COUNT} random questions`, { timeout: 300_000 }, async () => {
  const answer = createAnswerer();
  const reasons = new Map<string, number>();
  for (let from = 0; from < COUNT; from += BATCH) {
    const questions = sampleQuestions(SEED + from, BATCH);
    const answers = await ask(questions);
    expect(answers.length).toBe(BATCH);
    questions.forEach((question, at) => {
      const own = answer(question);
      reasons.set(own.reason, (reasons.get(own.reason) ?? 0) + 1);
      // Compared as text first: expect is slow, and this is done 100,000 times.
      if (JSON.stringify(answers[at]) !== JSON.stringify(own))
        expect({ question, ...answers[at] }).toEqual({ question, ...own });
    });
  }
  // Every reason occurred, so that agreeing means something.
  expect(reasons.size).toBe(13);
});
