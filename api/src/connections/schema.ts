import { type BodyOf, contract } from "../contract/contract.ts";

/** A decision about a connection. az sends the whole document of its GET, SDKs only the state. */
export const connectionBody = contract.operation("PrivateEndpointConnections_CreateOrUpdate");
export type ConnectionBody = BodyOf<"PrivateEndpointConnections_CreateOrUpdate">;
