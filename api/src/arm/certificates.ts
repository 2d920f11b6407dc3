import { X509Certificate } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";

/** The client certificates by which ARM is known (design 5; ARM RPC: authentication of ARM to the resource provider). */
export interface ArmCertificates {
  /** False while none is known yet, so that nobody is trusted. */
  readonly isLoaded: boolean;
  /** Whether a certificate is one of them, byte for byte, and within its own validity. */
  includes(certificate: X509Certificate): boolean;
}

/** Certificates that ARM publishes. */
export interface PublishedCertificates extends ArmCertificates {
  /** Reads them now. False when that failed; those known so far stay. */
  refresh(): Promise<boolean>;
  stop(): Promise<void>;
}

export interface PublishedOptions {
  /** ARM's authentication metadata endpoint. */
  readonly url: string;
  readonly log: FastifyBaseLogger;
  /** Seconds between two readings that succeeded. */
  readonly every?: number;
}

/** Seconds. */
export const HOUR = 3600;
/** Seconds after a reading that failed: doubled each time. */
const RETRY = { first: 1, longest: 300 };
/** Milliseconds. */
const TIMEOUT = 10_000;

/** @param certificates DER */
export function pinCertificates(certificates: readonly Buffer[]): ArmCertificates {
  const known = certificates.map(der => new X509Certificate(der));
  return { isLoaded: true, includes: certificate => isAmong(known, certificate) };
}

/**
 * Reads ARM's certificates where ARM publishes them, every hour until stopped. While ARM exchanges one for another it
 * publishes both, so both are accepted. A reading that fails changes nothing; before the first one nothing is trusted.
 */
export function followCertificates({ url, log, every = HOUR }: PublishedOptions): PublishedCertificates {
  const stopping = new AbortController();
  let known: readonly X509Certificate[] = [];

  const refresh = async (): Promise<boolean> => {
    try {
      const published = await fetchCertificates(url, stopping.signal);
      const isNew = published.some(one => !known.some(other => other.fingerprint256 === one.fingerprint256));
      known = published;
      if (isNew) log.info({ url, thumbprints: published.map(thumbprintOf) }, "ARM's client certificates were read");
      return true;
    } catch (error) {
      if (!stopping.signal.aborted) {
        log.error({ err: error, url, known: known.length }, "ARM's client certificates could not be read");
      }
      return false;
    }
  };
  const run = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      failures = (await refresh()) ? 0 : failures + 1;
      const seconds = failures === 0 ? every : Math.min(RETRY.longest, RETRY.first * 2 ** (failures - 1));
      await delay(seconds * 1000, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const running = run();
  return {
    get isLoaded() {
      return known.length > 0;
    },
    includes: certificate => isAmong(known, certificate),
    refresh,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function isAmong(known: readonly X509Certificate[], certificate: X509Certificate): boolean {
  const now = new Date();
  return known.some(one => one.raw.equals(certificate.raw) && one.validFromDate <= now && now <= one.validToDate);
}

/** @throws Error when there is no answer, or none that names a certificate */
async function fetchCertificates(url: string, stop: AbortSignal): Promise<X509Certificate[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT)]);
  const response = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  const { clientCertificates } = (await response.json()) as { clientCertificates?: unknown };
  const certificates = (Array.isArray(clientCertificates) ? clientCertificates : []).map(readCertificate);
  // One that can't be read must not keep the others out, and an answer without any must not shut ARM out.
  const readable = certificates.filter(one => one !== undefined);
  if (readable.length === 0) throw new Error("the answer has no 'clientCertificates' that can be read");
  return readable;
}

/** An entry is `{thumbprint, notBefore, notAfter, certificate}`; the dates are those of the certificate itself. */
function readCertificate(entry: unknown): X509Certificate | undefined {
  const { thumbprint, certificate } = (entry ?? {}) as { thumbprint?: unknown; certificate?: unknown };
  if (typeof thumbprint !== "string" || typeof certificate !== "string") return undefined;
  try {
    const parsed = new X509Certificate(Buffer.from(certificate, "base64"));
    return thumbprintOf(parsed) === thumbprint.toUpperCase() ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** SHA-1 in hex, as ARM and Windows write it. */
function thumbprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint.replaceAll(":", "");
}
