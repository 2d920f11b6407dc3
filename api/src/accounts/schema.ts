import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

/** Tags as ARM limits them: 50, names up to 512 characters, values up to 256. */
const Tags = Type.Record(Type.String({ minLength: 1, maxLength: 512 }), Type.String({ maxLength: 256 }), {
  maxProperties: 50,
});

const PublicNetworkAccess = Type.Union([Type.Literal("Enabled"), Type.Literal("Disabled")]);

/** What a client may say in a PUT of an account (arm-contract 2.1). Members that the registry owns are read, not stored. */
const AccountBody = Type.Object({
  kind: Type.Union([Type.Literal("fhir"), Type.Literal("fhir-Stu3"), Type.Literal("fhir-R4")]),
  location: Type.String({ minLength: 1, maxLength: 90, pattern: "^[A-Za-z0-9][A-Za-z0-9 -]*$" }),
  tags: Type.Optional(Type.Union([Tags, Type.Null()])),
  properties: Type.Optional(
    Type.Object({
      provisioningState: Type.Optional(Type.String()),
      publicNetworkAccess: Type.Optional(PublicNetworkAccess),
    }),
  ),
});

/** What a client may say in a PATCH of an account: tags and public network access, nothing else. */
const AccountPatch = Type.Object({
  tags: Type.Optional(Tags),
  properties: Type.Optional(
    Type.Object({
      provisioningState: Type.Optional(Type.String()),
      publicNetworkAccess: Type.Optional(PublicNetworkAccess),
    }),
  ),
});

export type AccountBody = Static<typeof AccountBody>;
export type AccountPatch = Static<typeof AccountPatch>;

export const accountBody = Compile(AccountBody);
export const accountPatch = Compile(AccountPatch);
