import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { messageOf, ProxySupervisor } from "../../njs/supervisor/proxy-supervisor.ts";
import { renderTemplate } from "../../njs/supervisor/template.ts";
import { askAdmin, sumStats } from "./admin-client.ts";
import { checkEnvoyVersion, EnvoyProcess, validateBootstrap } from "./envoy-process.ts";
import { renderCertificate, renderSettings, renderToken } from "./settings.ts";

/** How long Envoy gets to take new listeners. */
const UPDATE_DEADLINE_MS = 60_000;
/** How long Envoy gets to end when no request runs any more. */
const END_DEADLINE_MS = 5000;

/** Runs Envoy, and renews its listeners and the feed's token. */
export class Supervisor extends ProxySupervisor<EnvoyProcess> {
  protected readonly name = "Envoy";
  #token = "";
  #version = 0;

  async reload(): Promise<boolean> {
    await this.whenStarted();
    try {
      const [taken, refused] = [await this.#countUpdates("success"), await this.#countUpdates("rejected")];
      this.#writeListeners();
      const deadline = Date.now() + UPDATE_DEADLINE_MS;
      while ((await this.#countUpdates("success")) === taken) {
        if ((await this.#countUpdates("rejected")) > refused)
          throw new Error(`Envoy has rejected the listeners; its log says: ${this.readEndOfErrorLog()}`);
        if (Date.now() > deadline) throw new Error("Envoy has not taken them yet, and may still do so");
        await delay(20);
      }
      this.log("info", "Envoy has new listeners");
      return true;
    } catch (error) {
      this.log("error", "the listeners are refused; the old ones stay", { reason: messageOf(error) });
      return false;
    }
  }

  protected async prepare(): Promise<string> {
    const version = await checkEnvoyVersion(this.value("ENVOY_COMMAND"));
    this.#writeToken();
    if (this.#token === "") throw new Error(`there is no token for the feed in ${this.value("FEED_TOKEN_FILE")}`);
    this.#writeCertificate();
    await this.#writeConfiguration();
    return version;
  }

  protected launch(name: string): Promise<EnvoyProcess> {
    const workers = this.value("WORKERS");
    return EnvoyProcess.start(this.value("ENVOY_COMMAND"), [
      ...["-c", this.path("envoy.yaml"), "--use-dynamic-base-id", "--service-node", name],
      ...["--log-level", "warning"],
      ...["--log-path", this.value("ERROR_LOG"), "--file-flush-interval-msec", "20"],
      ...["--drain-time-s", this.value("DRAIN_TIMEOUT"), "--parent-shutdown-time-s", "3700"],
      ...(workers === "auto" ? [] : ["--concurrency", workers]),
    ]);
  }

  /** Envoy takes listeners only when their filter has loaded, so an answer of the status listener says that all is well. */
  protected async findIncarnation(): Promise<string> {
    if ((await this.#countUpdates("rejected").catch(() => 0)) > 0)
      throw new Error(`Envoy has rejected the listeners; its log says: ${this.readEndOfErrorLog()}`);
    return (await this.readOwnStatus())?.incarnation ?? "";
  }

  protected async renew(): Promise<void> {
    this.#writeToken();
  }

  protected async letEnd(envoy: EnvoyProcess): Promise<number> {
    await this.#drain(Date.now() + Number(this.value("DRAIN_TIMEOUT")) * 1000);
    envoy.signal("SIGTERM");
    return END_DEADLINE_MS;
  }

  #countUpdates(end: "success" | "rejected"): Promise<number> {
    return sumStats(this.value("ADMIN_LISTEN"), `listener_manager.lds.update_${end}`);
  }

  /** Takes no connection any more, and waits until no request runs. */
  async #drain(deadline: number): Promise<void> {
    try {
      await askAdmin(this.value("ADMIN_LISTEN"), "POST", "/drain_listeners");
      while (Date.now() < deadline) {
        const running = await sumStats(this.value("ADMIN_LISTEN"), "^http\\.linkgate_.*\\.downstream_rq_active$");
        if (running === 0) return;
        await delay(50);
      }
    } catch (error) {
      this.log("warn", "Envoy did not drain", { reason: messageOf(error) });
    }
  }

  /** Renders both files and has Envoy check the bootstrap. */
  async #writeConfiguration(): Promise<void> {
    this.#writeListeners();
    const bootstrap = this.#render("envoy.yaml.template");
    writeFileSync(this.path("envoy.yaml"), bootstrap);
    await validateBootstrap(this.value("ENVOY_COMMAND"), this.path("envoy.yaml"));
  }

  #writeListeners(): void {
    this.#version++;
    this.#putInPlace("listeners.yaml", this.#render("listeners.yaml.template"), 0o644);
  }

  /** Each template has a part of the placeholders; together they must have all. */
  #render(name: string): string {
    const read = (file: string) => readFileSync(join(this.value("TEMPLATE_DIR"), file), "utf8");
    const both = read("envoy.yaml.template") + read("listeners.yaml.template");
    const values = { ...renderSettings(this.settings), LINKGATE_LISTENERS_VERSION: String(this.#version) };
    renderTemplate(both, values);
    const template = read(name);
    const own = Object.entries(values).filter(([placeholder]) => template.includes(`\${${placeholder}}`));
    return renderTemplate(template, Object.fromEntries(own));
  }

  /** Hands the token to Envoy when it has changed. A file that can't be read, or is empty, leaves the old one. */
  #writeToken(): void {
    try {
      const token = readFileSync(this.value("FEED_TOKEN_FILE"), "utf8").trim();
      if (token === this.#token || !/^[\x21-\x7e]+$/.test(token)) return;
      this.#putInPlace("feed-token.yaml", renderToken(token), 0o600);
      this.#token = token;
    } catch (error) {
      this.log("warn", "the feed's token can't be read", { reason: messageOf(error) });
    }
  }

  /** Tells Envoy where the certificate is; it waits for one without a word, so what can't be used is found here. */
  #writeCertificate(): void {
    const [certificate, key] = [this.value("TLS_CERT_FILE"), this.value("TLS_KEY_FILE")];
    if (certificate === "") return;
    try {
      createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key) });
    } catch (error) {
      throw new Error(`the certificate ${certificate} can't be used with the key ${key}: ${messageOf(error)}`);
    }
    this.#putInPlace("tls-certificate.yaml", renderCertificate(this.settings), 0o644);
  }

  /** Envoy notices a file that takes another's place, and never sees half of it. */
  #putInPlace(name: string, text: string, mode: number): void {
    const aside = this.path(`${name}.new`);
    rmSync(aside, { force: true });
    writeFileSync(aside, text, { mode });
    renameSync(aside, this.path(name));
  }
}
