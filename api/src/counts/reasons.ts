import { isAllowed, REASONS } from "@linkgate/core";
import { type RawBuilder, sql } from "kysely";

const ADMITTED = REASONS.filter((_, reason) => isAllowed(reason));

/** What a gate had no room to tell apart. */
const UNCOUNTED = "uncounted";

/** Whether the reason of a row of `counts` let the request in. */
export const isAdmitted: RawBuilder<boolean> = sql<boolean>`(reason = any (${ADMITTED}::text[]))`;

/** Whether it turned the request away. Gates have reasons of their own for that, so it is told by what it is not. */
export const isDenied: RawBuilder<boolean> = sql<boolean>`(reason <> all (${[...ADMITTED, UNCOUNTED]}::text[]))`;
