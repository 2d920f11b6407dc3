import type { IntlShape } from "react-intl";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"] as const;

/** Bytes in the unit that people would choose, of a thousand each, as the person's language writes it. */
export function formatBytes({ formatNumber }: Pick<IntlShape, "formatNumber">, bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return formatNumber(bytes / 1000 ** power, {
    style: "unit",
    unit: UNITS[power] ?? "byte",
    maximumFractionDigits: power === 0 ? 0 : 1,
  });
}
