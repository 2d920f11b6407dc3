import { randomBytes } from "node:crypto";
import { type RawBuilder, sql } from "kysely";
import { epochHere } from "../database/epoch.ts";

/** Hex digits of a name's parts: the transaction that handed it out, random ones, and a code only this registry can make. */
const LENGTH = { transaction: 16, random: 16, code: 32 };
const HEAD = LENGTH.transaction + LENGTH.random;
const CURSOR_NAME = new RegExp(`^[0-9a-f]{${HEAD + LENGTH.code}}$`);

/** Cut off to half, so that nobody can append to what was hashed; the epoch holds a secret of the registry, its seed. */
const codeOf = (
  epoch: RawBuilder<string | null>,
  head: RawBuilder<string>,
  incarnation: RawBuilder<string>,
): RawBuilder<string> =>
  sql<string>`left(encode(sha256(convert_to(${epoch} || ${head} || ${incarnation}, 'UTF8')), 'hex'), ${sql.lit(LENGTH.code)})`;

/**
 * The name of a cursor that the present transaction hands out (feed rule 2: it means nothing to the gate). Random, so
 * that a restored registry does not hand it out again; in ascending order, and recognizable by {@link isFromLostTime}.
 *
 * @param random of {@link drawRandomPart}, drawn for this cursor
 */
export function newCursorName(
  epoch: string,
  incarnation: RawBuilder<string>,
  random: RawBuilder<string>,
): RawBuilder<string> {
  const head = sql<string>`lpad(to_hex(pg_current_xact_id()::text::bigint), ${sql.lit(LENGTH.transaction)}, '0') || ${random}`;
  return sql<string>`(${head} || ${codeOf(sql`${epoch}::text`, head, incarnation)})`;
}

/** The part of a cursor's name that nobody can foresee. */
export const drawRandomPart = (): string => randomBytes(LENGTH.random / 2).toString("hex");

/**
 * Feed rule 6, of a cursor that the registry does not remember: whether it was handed to this very incarnation in this
 * very epoch, and is younger than all that are remembered of it. The younger ones are never forgotten, so the database
 * has been put back to an older state in a way that shows nowhere else: its files, or the disk below them, were restored.
 */
export function isFromLostTime(cursor: string, incarnation: string): RawBuilder<boolean> {
  if (!CURSOR_NAME.test(cursor)) return sql<boolean>`false`;
  const head = cursor.slice(0, HEAD);
  return sql<boolean>`(${cursor.slice(HEAD)} = ${codeOf(epochHere, sql`${head}::text`, sql`${incarnation}::text`)} and not exists (
    select from cursors where incarnation = ${incarnation} and cursor collate "C" > ${cursor}))`;
}
