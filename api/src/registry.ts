import { parseArgs } from "node:util";
import { openDatabase } from "./database/open.ts";
import { holdRegistry, NotReconciled, type RegistryView, releaseRegistry, viewRegistry } from "./database/release.ts";
import { createNrpClient } from "./nrp/client.ts";
import { CREDENTIAL_NAMES, createCredential, namesCredential } from "./nrp/credential.ts";
import { renderReport } from "./reconcile/report.ts";
import { reconcileRegistry } from "./reconcile/service.ts";

const usage = `usage: npm run registry -w api -- COMMAND [OPTION]

What a platform engineer does after the database was restored or a standby promoted; docs/operate/restore.md.

  status     says whether the registry is held, since when, and what for
  reconcile  asks NRP about every connection; takes back what NRP does not confirm, and lists it. Run it as often as needed
  release    serves the feed again: the gates load the registry as it is now
               --vouch-gates        also vouch that every gate process from before the change has asked for the feed
                                    since, or is gone; without it revocations wait for the largest age limit there is
               --without-reconcile  release what NRP was not asked about; it may admit links that Azure gave to others
  hold       holds the registry by hand: an old copy of the data was put back on the same server

Environment: DATABASE_URL; for reconcile also LINKGATE_ARM_URL, ${CREDENTIAL_NAMES}
(as for the api itself), and NODE_EXTRA_CA_CERTS where ARM's certificate needs it.

Exit codes: 0 done (status: the feed is served), 1 failed, or NRP did not answer for all, 2 held or refused, 64 wrong usage
`;

const EXIT = { done: 0, failed: 1, refused: 2, usage: 64 } as const;
const COMMANDS = ["status", "reconcile", "release", "hold"] as const;
type Command = (typeof COMMANDS)[number];

interface Request {
  readonly command: Command;
  readonly vouchGates: boolean;
  readonly withoutReconcile: boolean;
}

process.exitCode = await main(process.argv.slice(2), process.env);

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const request = readRequest(args);
  if (request === "help") {
    process.stdout.write(usage);
    return EXIT.done;
  }
  const url = env.DATABASE_URL ?? "";
  if (request === undefined || url === "") {
    process.stderr.write(request === undefined ? usage : `DATABASE_URL is not set.\n\n${usage}`);
    return EXIT.usage;
  }
  const database = openDatabase(url);
  try {
    switch (request.command) {
      case "status": {
        const view = await viewRegistry(database);
        process.stdout.write(renderView(view));
        return view.state === "held" ? EXIT.refused : EXIT.done;
      }
      case "hold":
        process.stdout.write(renderView(await holdRegistry(database)));
        return EXIT.done;
      case "release":
        process.stdout.write(renderView(await releaseRegistry(database, request)));
        return EXIT.done;
      case "reconcile":
        return await reconcile(database, env);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`The registry: ${request.command} failed: ${reason}\n`);
    return error instanceof NotReconciled ? EXIT.refused : EXIT.failed;
  } finally {
    await database.close();
  }
}

async function reconcile(database: ReturnType<typeof openDatabase>, env: NodeJS.ProcessEnv): Promise<number> {
  const armUrl = env.LINKGATE_ARM_URL ?? "";
  if (!armUrl.startsWith("https://") || !namesCredential(env)) {
    process.stderr.write(`To ask NRP, LINKGATE_ARM_URL must be an https URL, and there must be ${CREDENTIAL_NAMES}.\n`);
    return EXIT.usage;
  }
  const report = await reconcileRegistry(database, createNrpClient({ armUrl, credential: createCredential(env) }));
  process.stdout.write(renderReport(report));
  return report.complete ? EXIT.done : EXIT.failed;
}

function readRequest(args: string[]): Request | "help" | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h", default: false },
        "vouch-gates": { type: "boolean", default: false },
        "without-reconcile": { type: "boolean", default: false },
      },
    });
    if (values.help) return "help";
    const [word, ...more] = positionals;
    const command = COMMANDS.find(one => one === word);
    const { "vouch-gates": vouchGates, "without-reconcile": withoutReconcile } = values;
    if (command === undefined || more.length > 0) return undefined;
    if (command !== "release" && (vouchGates || withoutReconcile)) return undefined;
    return { command, vouchGates, withoutReconcile };
  } catch {
    return undefined;
  }
}

function renderView(view: RegistryView): string {
  const since = view.since.toISOString();
  const feed =
    view.state === "served"
      ? "The feed is served."
      : `The registry is held since ${since}: the database was restored, copied or promoted. Gates go on with the table ` +
        "they have until it is too old.";
  const reconciled =
    view.reconciledAt === null
      ? view.state === "held"
        ? "It has not been reconciled with NRP since: registry reconcile"
        : undefined
      : `It was reconciled with NRP at ${view.reconciledAt.toISOString()}.`;
  const barriers =
    view.revocationsHeldUntil === null
      ? "Revocations end when every gate has acknowledged them."
      : `Revocations do not end before ${view.revocationsHeldUntil.toISOString()}: a gate that this registry has forgotten ` +
        "could still admit what they took away.\nIf every gate process from before the change has asked for the feed again " +
        "or is gone, say so: registry release --vouch-gates";
  return `${[feed, reconciled, barriers].filter(line => line !== undefined).join("\n")}\n`;
}
