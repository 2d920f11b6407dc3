/** An account as the gates are told of it. */
export interface FeedEntry {
  readonly account: string;
  readonly version: number;
  readonly present: boolean;
  readonly public_access: "enabled" | "disabled";
  /** Decimals with commas between them, ascending. */
  readonly ids: string;
}

/** The page of the feed in the grammar of design section 4; core reads it with `readLine`. */
export function writePage(entries: readonly FeedEntry[], cursor: string, whole: boolean): string {
  let page = "";
  for (const { account, version, present, public_access, ids } of entries) {
    page += present ? `+${account}\t${version}\t${public_access}\t${ids}\n` : `-${account}\t${version}\n`;
  }
  return `${page}=${cursor}\t${whole ? "done" : "more"}\n`;
}

/** Start over, in one answer with a flag: `keep`, the old table may serve meanwhile; `drop`, it may not. */
export function writeStartOver(flag: "keep" | "drop"): string {
  return `!start-over\t${flag}\n`;
}
