import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const SPEC = join(import.meta.dirname, "../../spec");
const require = createRequire(import.meta.url);

/** One message of AutoRest, with what it is about. */
interface Message {
  readonly level: string;
  readonly code?: string;
  readonly message: string;
  readonly details?: { readonly jsonpath?: unknown };
}

describe("ARM's lint rules", () => {
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "linkgate-lint-"));
  });

  afterAll(() => rm(home, { recursive: true, force: true }));

  it("find no error in the Swagger documents that spec/README.md does not explain", async () => {
    const messages = await lint(join(SPEC, "README.md"));
    expect(messages.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  });

  it("were really applied: without its suppressions the same document has errors", async () => {
    const messages = await lint(`--input-file=${join(SPEC, "generated/internal/swagger.json")}`);
    const codes = new Set(messages.filter(({ level }) => level === "error").map(({ code }) => code));
    expect(codes).toContain("BodyTopLevelProperties");
    expect(codes).toContain("PostResponseCodes");
  });

  /** AutoRest exits with 0 whatever it finds, so its lines are read. It must not fetch anything. */
  async function lint(input: string): Promise<Message[]> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        join(folderOf("autorest"), "entrypoints/app.js"),
        "--v3",
        "--spectral",
        "--azure-validator",
        `--version=${folderOf("@autorest/core")}`,
        `--use=${folderOf("@microsoft.azure/openapi-validator")}`,
        "--semantic-validator=false",
        "--model-validator=false",
        "--message-format=json",
        "--openapi-type=arm",
        "--openapi-subtype=arm",
        input,
      ],
      { env: { ...process.env, HOME: home, AUTOREST_HOME: home }, maxBuffer: 64 * 1024 * 1024 },
    );
    const messages = stdout
      .split("\n")
      .filter(line => line.startsWith("{"))
      .map(line => JSON.parse(line) as Message);
    // The rule sets announce themselves; without them there is nothing to find.
    expect(messages.some(({ message }) => message.includes("rules, for OpenAPI type 'arm'"))).toBe(true);
    return messages;
  }
});

function folderOf(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}
