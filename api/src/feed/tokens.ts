import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { Type } from "typebox";
import { Value } from "typebox/value";

/** Two tokens may be valid at once, so that one can be rotated without a gap (design 4). */
const tokensFile = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" }),
  Type.Array(Type.String({ pattern: "^[0-9a-f]{64}$" }), { maxItems: 2 }),
  { additionalProperties: false },
);

interface Token {
  readonly gate: string;
  readonly sha256: Buffer;
}

/** Which gate may speak with which token. */
export interface GateTokens {
  /** The gate that the bearer token of an `Authorization` header belongs to; undefined for none. */
  ownerOf(authorization: string | undefined): Promise<string | undefined>;
}

/**
 * Reads the file of tokens, `{ "<gate>": ["<sha256 of a token, 64 hex digits>", ...] }`, at most two each, and again
 * whenever it has changed. Throws if it can't be read now; if it is spoilt later, the last good one holds and
 * `onSpoilt` is told.
 */
export function readGateTokens(file: string, onSpoilt: (error: unknown) => void): GateTokens {
  let tokens = parseTokens(readFileSync(file, "utf8"));
  let seen = fingerprint(statSync(file));

  const refresh = async (): Promise<void> => {
    try {
      const now = fingerprint(await stat(file));
      if (isDeepStrictEqual(now, seen)) return;
      seen = now;
      const read = parseTokens(await readFile(file, "utf8"));
      // Another request may have read a younger file meanwhile.
      if (seen === now) tokens = read;
    } catch (error) {
      onSpoilt(error);
    }
  };

  return {
    async ownerOf(authorization) {
      await refresh();
      const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? "")?.[1];
      if (token === undefined) return undefined;
      const sha256 = createHash("sha256").update(token).digest();
      // Every entry is compared, in constant time: how long it takes tells nothing of which were close.
      return tokens.filter(known => timingSafeEqual(known.sha256, sha256))[0]?.gate;
    },
  };
}

function parseTokens(text: string): readonly Token[] {
  const json: unknown = JSON.parse(text);
  if (!Value.Check(tokensFile, json)) throw new Error("the gate tokens file is not { gate: [sha256, at most two] }");
  return Object.entries(json).flatMap(([gate, hashes]) =>
    hashes.map(hash => ({ gate, sha256: Buffer.from(hash, "hex") })),
  );
}

const fingerprint = ({ ino, size, mtimeMs }: { ino: number; size: number; mtimeMs: number }) => ({
  ino,
  size,
  mtimeMs,
});
