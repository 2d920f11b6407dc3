import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Where the bundle lies that NGINX loads. */
export const GATE_SCRIPT: string = fileURLToPath(new URL("dist/gate.js", import.meta.url));

/** Bundles the gate, core included, into the one file that NGINX loads. @throws when the sources do not compile */
export async function buildGate(outfile: string = GATE_SCRIPT): Promise<void> {
  const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as { version: string };
  await build({
    entryPoints: [fileURLToPath(new URL("src/gate.ts", import.meta.url))],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2020",
    platform: "neutral",
    external: ["fs"],
    alias: { "node:fs": "fs" }, // njs has no node: names
    define: { LINKGATE_VERSION: JSON.stringify(version) },
    minifySyntax: true, // puts constants in the place of their names, each of which QuickJS would look up
    legalComments: "none",
    logLevel: "warning",
  });
}

if (import.meta.main) await buildGate();
