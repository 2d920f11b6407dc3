import decide from "../cases/decide.json" with { type: "json" };
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
}

/** All rows of the decision, by file. */
export const caseFiles: Record<"decide" | "host" | "source" | "target", readonly Case[]> = {
  decide: decide as Case[],
  host: host as Case[],
  source: source as Case[],
  target: target as Case[],
};
