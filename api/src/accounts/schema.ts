import { type BodyOf, contract } from "../contract/contract.ts";

/** What a client may say in a PUT of an account. Members that the registry owns are read, not stored. */
export const accountBody = contract.operation("Services_CreateOrUpdate");
export type AccountBody = BodyOf<"Services_CreateOrUpdate">;

/** What a client may say in a PATCH of an account: tags and public network access, nothing else. */
export const accountPatch = contract.operation("Services_Update");
export type AccountPatch = BodyOf<"Services_Update">;
