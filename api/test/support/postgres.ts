/** A database of its own for one test file, migrated, on the cluster that the whole run shares. */
export async function createTestDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  throw new Error("not written yet");
}
