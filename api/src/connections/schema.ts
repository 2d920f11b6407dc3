import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

/** az sends null for a comment that was not given. */
const Comment = Type.Optional(Type.Union([Type.String({ maxLength: 2048 }), Type.Null()]));

/** A decision about a connection (arm-contract 2.1). az sends the whole document of its GET, SDKs only the state. */
const ConnectionBody = Type.Object({
  properties: Type.Object({
    privateLinkServiceConnectionState: Type.Object({
      status: Type.Union([
        Type.Literal("Pending"),
        Type.Literal("Approved"),
        Type.Literal("Rejected"),
        Type.Literal("Disconnected"),
      ]),
      description: Comment,
      actionsRequired: Comment,
    }),
    provisioningState: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  }),
});

export type ConnectionBody = Static<typeof ConnectionBody>;

export const connectionBody = Compile(ConnectionBody);
