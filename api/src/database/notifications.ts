/** What a NOTIFY may wake. */
export type Topic = "feed" | "operations";

export interface Notifications {
  close(): Promise<void>;
}
