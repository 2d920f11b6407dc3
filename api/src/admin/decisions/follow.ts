import { type ArmAnswer, readArmError } from "../arm/client.ts";
import type { FoundConnection } from "../connections/routes.ts";
import { type AdminContext, type Asking, requireAzure } from "../context.ts";
import type { Wish } from "./service.ts";

/** Milliseconds that a person is kept waiting for the registry to follow; from then on the row tells. */
const PATIENCE = 2500;
/** Seconds. */
const LOOK_AGAIN = 0.5;

const GOALS = { approve: "Approved", reject: "Rejected", remove: "Disconnected" } as const;

/**
 * Waits a little, after ARM has accepted a decision, until the registry has it; ARM's operation is asked meanwhile, as it
 * alone knows of a failure on the way.
 *
 * @returns what went wrong; undefined when it has been done, or is still under way
 */
export async function followDecision(
  { database, ...context }: AdminContext,
  asking: Asking,
  wish: Wish,
  { row }: FoundConnection,
  accepted: ArmAnswer,
): Promise<{ code: string; message: string } | undefined> {
  const { db, notifications } = database;
  const isThere = async (): Promise<boolean> => {
    const now = await db
      .selectFrom("connections")
      .select("status")
      .where("account", "=", row.account)
      .where("name_key", "=", row.name_key)
      .executeTakeFirst();
    return now === undefined || now.status === GOALS[wish.action];
  };
  const over = AbortSignal.timeout(PATIENCE);
  const operation = accepted.header("azure-asyncoperation");
  while (!over.aborted) {
    const seen = notifications.count("changes");
    if (await isThere()) return undefined;
    if (operation !== undefined) {
      const failure = await readFailure({ database, ...context }, asking, operation);
      if (failure !== undefined) return failure;
    }
    await notifications.wait("changes", seen, LOOK_AGAIN, over);
  }
  return undefined;
}

async function readFailure(
  context: AdminContext,
  { caller, correlationId }: Asking,
  url: string,
): Promise<{ code: string; message: string } | undefined> {
  // A status that can't be read says nothing of the operation (ARM RPC).
  const answer = await requireAzure(context)
    .arm.send(caller, { method: "GET", path: url, correlationId })
    .catch(() => undefined);
  const status = (answer?.body as { status?: unknown } | null | undefined)?.status;
  const hasFailed = answer?.status === 200 && (status === "Failed" || status === "Canceled");
  return hasFailed ? readArmError(answer) : undefined;
}
