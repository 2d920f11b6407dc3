import type { Environment } from "../src/settings.ts";

/** A setting of a gate. The README beside its templates has a row for each, which a test compares with the gate's table. */
export type Setting = {
  /** Its environment variable. */
  readonly name: string;
  /** Null: it must be given. `<run dir>` stands for `LINKGATE_RUN_DIR`, and for each gate there may be more such words. */
  readonly default: string | null;
  /** The directive of the proxy that it becomes, or who reads it. */
  readonly directive: string;
  readonly meaning: string;
  /** True for a value that can be used. Nothing passes that could end a directive. */
  readonly isValid: (text: string) => boolean;
  /** What the template gets, by placeholder; the value itself, under the setting's own name, if left out. */
  readonly render?: (text: string) => Readonly<Record<string, string>>;
};

/** The values of all settings, valid. */
export type SettingValues = Readonly<Record<string, string>>;

/** Of a setting that no template has. */
export const NOT_IN_TEMPLATE = () => ({});

/**
 * Reads every setting from the environment, with its default where there is none.
 * @param words what stands for which folder in a default, `<run dir>` aside
 * @param findProblems what is wrong with values that are each right alone
 * @throws Error that names each that is missing or can't be used
 */
export function readValues(
  settings: readonly Setting[],
  env: Environment,
  words: Readonly<Record<string, string>>,
  findProblems: (values: SettingValues) => string[],
): SettingValues {
  const folders = Object.entries({ "<run dir>": env.LINKGATE_RUN_DIR ?? "/run/linkgate", ...words });
  const problems: string[] = [];
  const values: Record<string, string> = {};
  for (const setting of settings) {
    const fallback = folders.reduce((text, [word, folder]) => text.replace(word, folder), setting.default ?? "");
    const value = env[setting.name] ?? (setting.default === null ? undefined : fallback);
    if (value === undefined) problems.push(`${setting.name} is missing: ${setting.meaning}`);
    else if (!setting.isValid(value))
      problems.push(`${setting.name} can't be ${JSON.stringify(value)}: ${setting.meaning}`);
    else values[setting.name] = value;
  }
  problems.push(...findProblems(values));
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return values;
}

/** What a template's placeholders stand for, as far as each comes from one setting. */
export function renderValues(settings: readonly Setting[], values: SettingValues): Record<string, string> {
  const placeholders: Record<string, string> = {};
  for (const { name, render } of settings) {
    const value = values[name] ?? "";
    Object.assign(placeholders, render ? render(value) : { [name]: value });
  }
  return placeholders;
}
