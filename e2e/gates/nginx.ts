import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildGate } from "../../njs/build.ts";
import { until } from "../../njs/test/support/until.ts";
import type { GateKind, GateProcesses, Reloadable } from "./gate.ts";
import { childrenOf, isAlive, readCommand } from "./processes.ts";
import { makePlace, ROOT, SupervisedGate, writeEnvironment } from "./supervised-gate.ts";

const TEMPLATE = join(ROOT, "deploy/nginx/nginx.conf.template");

/** NGINX with njs, run by its supervisor as in production; its configuration is deploy/nginx's template as it is. */
export const nginx: GateKind = {
  name: "nginx",
  parts: ["worker", "follower"],
  async create(settings) {
    const nginxCommand = process.env.LINKGATE_NGINX_COMMAND ?? join(ROOT, ".cache/nginx/bin/nginx");
    if (!existsSync(nginxCommand))
      throw new Error(`there is no NGINX at ${nginxCommand}: run npm test, which fetches it`);
    const place = await makePlace(settings, "lg-");
    const { dir, ports } = place;
    await buildGate(join(dir, "gate.js"));
    writeFileSync(join(dir, "nginx.conf.template"), readFileSync(TEMPLATE));
    return new NginxGate("njs/supervisor/main.ts", place, {
      ...writeEnvironment(settings, place),
      LINKGATE_NGINX_COMMAND: nginxCommand,
      LINKGATE_NGINX_MODULES: process.env.LINKGATE_NGINX_MODULES ?? join(ROOT, ".cache/nginx/modules"),
      LINKGATE_TEMPLATE: join(dir, "nginx.conf.template"),
      LINKGATE_GATE_SCRIPT: join(dir, "gate.js"),
      LINKGATE_USER: process.getuid?.() === 0 ? "root" : "nobody",
      LINKGATE_DIRECT_LISTEN: `[::]:${ports.direct} ipv6only=off`,
      LINKGATE_PUBLIC_LISTEN: `[::]:${ports.public} ipv6only=off`,
      LINKGATE_UPSTREAM: `http://unix:${settings.upstreamDir}/$linkgate_account.sock`,
      LINKGATE_TABLE_SIZE: settings.tableSize ?? "4m",
    });
  },
};

class NginxGate extends SupervisedGate {
  readonly name = "nginx";

  async readProcesses(): Promise<GateProcesses> {
    const master = this.#readMasterPid();
    const page = await this.readStatus().catch(() => null);
    return {
      supervisor: this.supervisorPid,
      master,
      workers: childrenOf(master),
      follower: Number(page?.follower?.process.split(".")[0] ?? 0),
    };
  }

  async reload(changes: Reloadable = {}): Promise<void> {
    if (changes.tableSize !== undefined) this.#fixTableSize(changes.tableSize);
    const old = childrenOf(this.#readMasterPid());
    this.signalSupervisor("SIGHUP");
    await until(
      () => childrenOf(this.#readMasterPid()).some(pid => !old.includes(pid)) && !old.some(isAlive),
      () => `the old workers ${old.filter(isAlive)} are still there\n${this.explain()}`,
    );
  }

  /** 0 when there is none: the pid file of a master that was killed stays. */
  #readMasterPid(): number {
    const file = join(this.dir, "run/nginx.pid");
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    return pid > 1 && isAlive(pid) && /nginx/.test(readCommand(pid)) ? pid : 0;
  }

  /** The supervisor keeps its settings for life; who operates it changes a size in the template. */
  #fixTableSize(size: string): void {
    const file = this.env.LINKGATE_TEMPLATE ?? "";
    const text = readFileSync(file, "utf8").replace(/(zone=lg_table[01]:)\S+( type)/g, `$1${size}$2`);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template's own placeholder, which it must name
    const name = "# ${LINKGATE_TABLE_SIZE} no more\n";
    writeFileSync(file, text.startsWith(name) ? text : name + text);
  }
}
