import { runSupervisor } from "../../njs/supervisor/script.ts";
import { readSettings } from "./settings.ts";
import { Supervisor } from "./supervisor.ts";

// `node envoy-filter/supervisor/main.ts`: the gate's entry point. Settings come from the environment.
await runSupervisor("Envoy", log => new Supervisor(readSettings(process.env), log));
