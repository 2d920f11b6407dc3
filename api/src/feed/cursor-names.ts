import { randomBytes } from "node:crypto";
import { type RawBuilder, sql } from "kysely";
import { epochHere } from "../database/epoch.ts";

/** Hex digits of a name's parts: the transaction that handed it out, random ones, and a code only this registry can make. */
const LENGTH = { transaction: 16, random: 16, code: 32 };
const HEAD = LENGTH.transaction + LENGTH.random;
const CURSOR_NAME = new RegExp(`^[0-9a-f]{${HEAD + LENGTH.code}}$`);

/** Cut off to half, so that nobody can append to what was hashed; the epoch holds a secret of the registry, its seed. */
const codeOf = (epoch: RawBuilder<string | null>, head: RawBuilder<string>, incarnation: string): RawBuilder<string> =>
  sql<string>`left(encode(sha256(convert_to(${epoch} || ${head} || ${incarnation}::text, 'UTF8')), 'hex'), ${sql.lit(LENGTH.code)})`;

/**
 * The name of a cursor that the present transaction hands out (feed rule 2: it means nothing to the gate). Random, so
 * that a restored registry does not hand it out again; in ascending order, and recognizable by {@link isFromLostTime}.
 */
export function newCursorName(epoch: string, incarnation: string): RawBuilder<string> {
  const random = randomBytes(LENGTH.random / 2).toString("hex");
  const head = sql<string>`lpad(to_hex(pg_current_xact_id()::text::bigint), ${sql.lit(LENGTH.transaction)}, '0') || ${random}::text`;
  return sql<string>`(${head} || ${codeOf(sql`${epoch}::text`, sql`${head}`, incarnation)})`;
}

/**
 * Feed rule 6, of a cursor that the registry does not remember: whether it was handed to this very incarnation in this
 * very epoch, and is younger than all that are remembered of it. The younger ones are never forgotten, so the database
 * has been put back to an older state in a way that shows nowhere else: its files, or the disk below them, were restored.
 */
export function isFromLostTime(cursor: string, incarnation: string): RawBuilder<boolean> {
  if (!CURSOR_NAME.test(cursor)) return sql<boolean>`false`;
  const head = cursor.slice(0, HEAD);
  return sql<boolean>`(${cursor.slice(HEAD)} = ${codeOf(epochHere, sql`${head}::text`, incarnation)} and not exists (
    select from cursors where incarnation = ${incarnation} and cursor collate "C" > ${cursor}))`;
}
