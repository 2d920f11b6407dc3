import type { Engine } from "./engine.ts";
import { createJavaScriptEngine } from "./javascript-engine.ts";
import { createWasmEngine } from "./wasm-engine.ts";

export const javaScript = createJavaScriptEngine();
export const wasm = createWasmEngine();

/** Every engine that has to give the same answer. */
export const engines: readonly Engine[] = [javaScript, wasm];
