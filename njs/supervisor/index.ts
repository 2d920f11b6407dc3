export type { Log } from "./proxy-supervisor.ts";
export type { Setting, SettingValues } from "./setting.ts";
export { readSettings, SETTINGS } from "./settings.ts";
export { Supervisor } from "./supervisor.ts";
