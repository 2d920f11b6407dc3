import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Zone } from "./arm/context.ts";
import type { Config, Listen, Tls } from "./config.ts";
import { CREDENTIAL_NAMES, namesCredential } from "./nrp/credential.ts";
import type { SettingName } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const SUFFIX = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;

/** Reads single settings and gathers what is wrong with them; a wrong one yields a placeholder that is never used. */
export class SettingsReader {
  readonly problems: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  optional(name: SettingName): string | undefined {
    const value = this.#env[name]?.trim();
    return value === "" ? undefined : value;
  }

  required(name: SettingName): string {
    return this.optional(name) ?? this.#refuse(name, "is not set", "");
  }

  /** Without ARM's address NRP can't be reached; with it the api needs an identity there. */
  nrp(): Pick<Config, "nrp"> {
    if (this.optional("LINKGATE_ARM_URL") === undefined) return {};
    if (!namesCredential(this.#env)) {
      this.#refuse("LINKGATE_ARM_URL", `needs ${CREDENTIAL_NAMES}`, undefined);
    }
    return { nrp: { armUrl: this.url("LINKGATE_ARM_URL", ["https:"]) } };
  }

  /** Who asks ARM in people's names; needs ARM's address and a secret. */
  onBehalfOf(): Pick<Config["admin"], "onBehalfOf"> {
    const clientId = this.optional("LINKGATE_ENTRA_CLIENT_ID");
    if (clientId === undefined) return {};
    const [direct, file] = ["LINKGATE_ENTRA_CLIENT_SECRET", "LINKGATE_ENTRA_CLIENT_SECRET_FILE"] as const;
    const written = this.optional(file) === undefined ? undefined : this.#read(file)?.trim();
    const clientSecret = this.optional(direct) ?? written ?? this.#refuse(direct, `is not set, nor is ${file}`, "");
    const authorityHost =
      this.optional("LINKGATE_ENTRA_AUTHORITY_HOST") === undefined
        ? undefined
        : this.url("LINKGATE_ENTRA_AUTHORITY_HOST", ["https:"]);
    return { onBehalfOf: { clientId, clientSecret, authorityHost, armUrl: this.url("LINKGATE_ARM_URL", ["https:"]) } };
  }

  /** From a file, or from where ARM publishes them. */
  armCertificates(): Config["arm"]["clientCertificates"] {
    const [file, url] = ["LINKGATE_ARM_CLIENT_CERTS_FILE", "LINKGATE_ARM_METADATA_URL"] as const;
    if (this.optional(url) === undefined) {
      return this.optional(file) === undefined
        ? this.#refuse(file, `is not set, nor is ${url}`, [])
        : this.certificates(file);
    }
    if (this.optional(file) !== undefined)
      this.#refuse(url, `is set, and so is ${file}; one of them must go`, undefined);
    return { metadataUrl: this.url(url, ["https:"]) };
  }

  /** What customers decide at ARM, NRP hears from nobody but the api. */
  customerWrites(): boolean {
    const allowed = this.flag("LINKGATE_CUSTOMER_WRITES");
    if (allowed && this.optional("LINKGATE_ARM_URL") === undefined) {
      this.#refuse("LINKGATE_CUSTOMER_WRITES", "needs LINKGATE_ARM_URL, or NRP would never hear of it", undefined);
    }
    return allowed;
  }

  flag(name: SettingName): boolean {
    const text = this.optional(name)?.toLowerCase() ?? "false";
    return (
      text === "true" || (text === "false" ? false : this.#refuse(name, `must be true or false, not '${text}'`, false))
    );
  }

  list(name: SettingName): string[] {
    const entries = this.required(name)
      .split(",")
      .map(entry => entry.trim());
    const filled = entries.filter(entry => entry !== "");
    if (this.optional(name) !== undefined && filled.length === 0) this.#refuse(name, "is empty", undefined);
    return filled;
  }

  url(name: SettingName, protocols: readonly string[]): string {
    const value = this.required(name);
    if (value === "") return value;
    // The value is not repeated: a database's URL holds a password.
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
      return this.#refuse(name, `must be a URL that begins with ${protocols.join("// or ")}//`, "");
    }
    return value;
  }

  listen(name: SettingName): Listen {
    const value = this.required(name);
    if (value === "") return { host: "", port: 0 };
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
    const port = Number(match?.[3]);
    if (match === null || port > 65_535)
      return this.#refuse(name, `must be host:port or [v6]:port, not '${value}'`, { host: "", port: 0 });
    return { host: match[1] ?? match[2] ?? "", port };
  }

  integer(name: SettingName, fallback: number, least: number, most: number): number {
    const value = this.seconds(name, fallback, least, most);
    return Number.isInteger(value) ? value : this.#refuse(name, "must be a whole number", fallback);
  }

  seconds(name: SettingName, fallback: number, least: number, most: number): number {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    return this.#refuse(name, `must be a number from ${least} to ${most}, not '${text}'`, fallback);
  }

  zones(name: SettingName): Zone[] {
    const zones = this.list(name).map(entry => {
      const [publicSuffix = "", privateSuffix = "", ...more] = entry.toLowerCase().split("/");
      if (more.length > 0 || !SUFFIX.test(publicSuffix) || !SUFFIX.test(privateSuffix)) {
        this.#refuse(name, `must list pairs public/private of DNS suffixes, not '${entry}'`, undefined);
      }
      return { public: publicSuffix, private: privateSuffix };
    });
    const suffixes = zones.flatMap(zone => [zone.public, zone.private]);
    if (new Set(suffixes).size !== suffixes.length) this.#refuse(name, "names a suffix twice", undefined);
    return zones;
  }

  existingFile(name: SettingName): string {
    this.#read(name);
    return this.optional(name) ?? "";
  }

  certificates(name: SettingName): Buffer[] {
    const blocks = this.#read(name)?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (blocks === undefined) return [];
    if (blocks === null) return this.#refuse(name, "has no certificate in PEM", []);
    try {
      return blocks.map(block => new X509Certificate(block).raw);
    } catch {
      return this.#refuse(name, "has a certificate that can't be read", []);
    }
  }

  tls(certName: SettingName, keyName: SettingName): Tls {
    const cert = this.#read(certName);
    const key = this.#read(keyName);
    if (cert === undefined || key === undefined) return { cert: "", key: "" };
    try {
      if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
        this.#refuse(keyName, `is not the key of ${certName}`, undefined);
      }
    } catch {
      this.#refuse(certName, `and ${keyName} must be a certificate and its key in PEM`, undefined);
    }
    return { cert, key };
  }

  #read(name: SettingName): string | undefined {
    const path = this.required(name);
    if (path === "") return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      return this.#refuse(name, `names a file that can't be read: ${(error as Error).message}`, undefined);
    }
  }

  #refuse<T>(name: SettingName, problem: string, placeholder: T): T {
    this.problems.push(`${name} ${problem}.`);
    return placeholder;
  }
}
