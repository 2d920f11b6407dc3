import { ArmError } from "../arm/errors.ts";
import { contract } from "../contract/contract.ts";
import { patternOf } from "../contract/parameters.ts";

/** The published pattern of `services` (arm-contract 2.1). It ends at 23 characters, although the same page says 24. */
const ACCOUNT_NAME = patternOf(contract.operation("Services_CreateOrUpdate").parameters, "resourceName");

/** Labels that the zones need for themselves (design 3.1). */
const RESERVED = new Set(["privatelink", "www", "api", "portal"]);

/**
 * Checks a new account's name. It becomes a DNS label, so what the gates would refuse as a host is refused here
 * (design 3.1): `--` at places 3 and 4 is left to A-labels (RFC 5890 section 2.3.1).
 *
 * @throws ArmError InvalidResourceName
 */
export function checkAccountName(name: string): void {
  if (!isAccountName(name)) {
    throw new ArmError(
      "InvalidResourceName",
      `The name '${name}' must be 3 to 23 letters, digits and hyphens, begin and end with a letter or digit, and not have hyphens at places 3 and 4.`,
      "name",
    );
  }
  if (RESERVED.has(name.toLowerCase())) {
    throw new ArmError("InvalidResourceName", `The name '${name}' is reserved.`, "name");
  }
}

/** Whether a text could be the name of an account that exists. */
export function isAccountName(name: string): boolean {
  return ACCOUNT_NAME.test(name) && name.slice(2, 4) !== "--";
}
