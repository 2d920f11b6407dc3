/** What tests of other workspaces need to be ARM: certificates, a client that shows them, and the documents it sends. */

export { chooseSeed } from "../soak/random.ts";
export { makeEnvironment, NRP, Replica } from "../soak/replicas/replica.ts";
export { type Certificate, makeCertificate } from "../test/support/certificates.ts";
export { type Answer, ArmClient } from "../test/support/client.ts";
export {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  decisionBody,
  proxyBody,
  proxyPath,
} from "../test/support/documents.ts";
