export { readSettings, SETTINGS, type Setting, type SettingValues } from "./settings.ts";
export { type Log, Supervisor } from "./supervisor.ts";
