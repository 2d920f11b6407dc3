import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { checkNginxVersion, NginxProcess, testConfiguration } from "./nginx-process.ts";
import { messageOf, PROBE_DEADLINE_MS, ProxySupervisor } from "./proxy-supervisor.ts";
import { renderSettings } from "./settings.ts";
import { isLive } from "./status-client.ts";
import { renderTemplate } from "./template.ts";

/** njs before 1.0.1 lets a request through whose handler fails. */
const LEAST_NJS = 0x010001;

/** Runs NGINX, and reloads it when its certificate is renewed. */
export class Supervisor extends ProxySupervisor<NginxProcess> {
  protected readonly name = "NGINX";
  #certificate = "";
  #writing: Promise<void> = Promise.resolve();

  async reload(): Promise<boolean> {
    try {
      await this.#writeConfiguration();
    } catch (error) {
      this.log("error", "the configuration is refused; the old one stays in force", { reason: messageOf(error) });
      return false;
    }
    await this.whenStarted();
    this.proxy?.signal("SIGHUP");
    this.log("info", "NGINX was told to read its configuration again");
    return true;
  }

  protected async prepare(): Promise<string> {
    mkdirSync(this.path("temp"), { recursive: true });
    const version = await checkNginxVersion(this.value("NGINX_COMMAND"));
    await this.#writeConfiguration();
    return version;
  }

  protected launch(name: string): Promise<NginxProcess> {
    rmSync(this.path("stopping"), { force: true });
    return NginxProcess.start(this.value("NGINX_COMMAND"), this.value("ERROR_LOG"), this.path("nginx.conf"), name);
  }

  protected async findIncarnation(): Promise<string> {
    if (!(await isLive(this.value("STATUS_LISTEN"), PROBE_DEADLINE_MS))) return "";
    const status = await this.readOwnStatus();
    if (status === null) return ""; // asked again, as long as there is time
    if (status.njsNumber < LEAST_NJS) throw new Error(`njs ${status.njs} is older than 1.0.1 and can fail open`);
    return status.incarnation;
  }

  protected async renew(): Promise<void> {
    if (this.#stampCertificate() !== this.#certificate) await this.reload();
  }

  protected async letEnd(nginx: NginxProcess): Promise<number> {
    this.#tellFollower();
    nginx.signal("SIGQUIT");
    return Number(this.value("DRAIN_TIMEOUT")) * 1000 + 5000;
  }

  /** njs does not learn of a QUIT: without this file the follower would hold its worker until the drain timeout. */
  #tellFollower(): void {
    try {
      writeFileSync(this.path("stopping"), "");
    } catch (error) {
      this.log("warn", "the follower can't be told to stop; it may take the drain timeout", {
        reason: messageOf(error),
      });
    }
  }

  /** One after another: of two at once, one would put in its place what the other has not tested yet. */
  #writeConfiguration(): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#writeOneConfiguration());
    return this.#writing;
  }

  /** Renders and tests a configuration aside, then puts it in its place. */
  async #writeOneConfiguration(): Promise<void> {
    const template = readFileSync(this.value("TEMPLATE"), "utf8");
    const aside = this.path("nginx.conf.new");
    this.#certificate = this.#stampCertificate(); // before it is read: a file that changes from here on is another one
    writeFileSync(aside, renderTemplate(template, renderSettings(this.settings)));
    await testConfiguration(this.value("NGINX_COMMAND"), aside);
    renameSync(aside, this.path("nginx.conf")); // as a whole or not at all, on a full disk too
  }

  /** What tells the files of the certificate from those that take their place, through symbolic links as Kubernetes makes them. */
  #stampCertificate(): string {
    const stamps = ["TLS_CERT_FILE", "TLS_KEY_FILE"].map(name => {
      try {
        const { ino, mtimeMs, size } = statSync(this.value(name));
        return `${ino} ${mtimeMs} ${size}`;
      } catch {
        return ""; // there is none, or not now
      }
    });
    return stamps.join();
  }
}
