const KEY = "incarnation";

/**
 * The incarnation of this NGINX: 128 random bits as 32 hexadecimal digits (feed rule 10). Drawn by the first who asks, kept
 * beside the table in shared memory: it survives a worker and a reload, and is gone with the zone.
 */
export function readIncarnation(): string {
  const meta = ngx.shared.lg_meta;
  if (meta.get(KEY) === undefined) meta.add(KEY, drawRandomId());
  return meta.get(KEY) ?? "";
}

/** Replaces the incarnation by a new one, when the registry has retired it (feed rule 25). The table must be gone before. */
export function renewIncarnation(): void {
  ngx.shared.lg_meta.set(KEY, drawRandomId());
}

/** 128 random bits as 32 hexadecimal digits. */
export function drawRandomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}
