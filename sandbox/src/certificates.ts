import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { join } from "node:path";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { preparePrivateFolder, writePrivateFile } from "./private-files.ts";

/** A certificate and its key, as PEM text and as files. */
export interface Identity {
  certificate: string;
  key: string;
  certificateFile: string;
  keyFile: string;
}

/** Everything that a sandbox needs for TLS. The key of the authority that signed it is thrown away at once. */
export interface Certificates {
  ca: string;
  caFile: string;
  /** For every HTTPS listener of the sandbox and of the api: localhost, 127.0.0.1 and ::1. */
  server: Identity;
  /** What ARM shows the resource provider (ARM contract 4.10). */
  arm: Identity;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const lifetimeMs = 30 * 24 * 3600 * 1000;

interface Issuer {
  certificate: X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}

/**
 * Draws a certificate authority, a server certificate and ARM's client certificate, valid for 30 days, and writes them
 * to `folder` (0700, files 0600).
 */
export async function createCertificates(folder: string): Promise<Certificates> {
  await preparePrivateFolder(folder);
  const issuer = await createAuthority();
  const ca = issuer.certificate.toString("pem");
  const caFile = join(folder, "ca.pem");
  await writePrivateFile(caFile, ca);
  const names = new SubjectAlternativeNameExtension([
    { type: "dns", value: "localhost" },
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "::1" },
  ]);
  const server = await issue(issuer, folder, "server", "CN=localhost", [
    names,
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
  ]);
  const arm = await issue(issuer, folder, "arm", "CN=Linkgate sandbox Azure Resource Manager", [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
  ]);
  return { ca, caFile, server, arm };
}

async function createAuthority(): Promise<Issuer> {
  const keys = await createKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: "CN=Linkgate sandbox CA",
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function issue(
  issuer: Issuer,
  folder: string,
  name: string,
  subject: string,
  extensions: Extension[],
): Promise<Identity> {
  const keys = await createKeys();
  const signed = await X509CertificateGenerator.create({
    ...validity(),
    subject,
    issuer: issuer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
      ...extensions,
    ],
  });
  const certificate = signed.toString("pem");
  const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  const identity = {
    certificate,
    key,
    certificateFile: join(folder, `${name}.pem`),
    keyFile: join(folder, `${name}.key`),
  };
  await writePrivateFile(identity.certificateFile, certificate);
  await writePrivateFile(identity.keyFile, key);
  return identity;
}

function createKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** From an hour ago, so that a clock that is a little behind does not refuse it. */
function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 3600 * 1000), notAfter: new Date(now + lifetimeMs) };
}
