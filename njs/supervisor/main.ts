import { runSupervisor } from "./script.ts";
import { readSettings } from "./settings.ts";
import { Supervisor } from "./supervisor.ts";

// `node njs/supervisor/main.ts`: the gate's entry point. Settings come from the environment.
await runSupervisor("NGINX", log => new Supervisor(readSettings(process.env), log));
