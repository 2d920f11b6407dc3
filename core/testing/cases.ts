import decide from "../cases/decide.json" with { type: "json" };
import envoy from "../cases/envoy.json" with { type: "json" };
import host from "../cases/host.json" with { type: "json" };
import source from "../cases/source.json" with { type: "json" };
import target from "../cases/target.json" with { type: "json" };
import type { Question } from "./answer.ts";

/** A row of the case files: a question, the verdict, and where it differs what real NGINX says. `README.md` tells of each field. */
export interface Case extends Question {
  name: string;
  reason: string;
  /** Absent where the host names none. */
  account?: string;
  /** Absent where no link id was read. */
  client?: string;
  /** No wire can carry the row, and why; or NGINX reads it in another way, or answers it itself (then without a reason). */
  nginx?: { skip: string } | { status: number; reason?: string };
  /** The same of real Envoy, where it differs from core. Where `nginx` skips a row, so does Envoy. `target`: what it forwards. */
  envoy?: { skip: string } | { status: number; reason?: string; target?: string };
}

/** What real Envoy makes of a row, by file and name: `cases/envoy.json`. */
const ofEnvoy: Record<string, Record<string, NonNullable<Case["envoy"]>>> = envoy;

function readRows(file: string, rows: unknown): readonly Case[] {
  return (rows as Case[]).map(row => {
    const own = ofEnvoy[file]?.[row.name];
    return own === undefined ? row : { ...row, envoy: own };
  });
}

/** All rows of the decision, by file. */
export const caseFiles: Record<"decide" | "host" | "source" | "target", readonly Case[]> = {
  decide: readRows("decide", decide),
  host: readRows("host", host),
  source: readRows("source", source),
  target: readRows("target", target),
};
