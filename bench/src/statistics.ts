/** A value for which `share` (0 to 1) of the values are no greater, between two neighbours if need be. Throws for an empty list. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const [lower, upper] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  if (lower === undefined || upper === undefined) throw new Error("a quantile needs at least one value");
  return lower + (upper - lower) * (place - Math.floor(place));
}

/** The middle value, or the mean of the two middle ones. Throws for an empty list. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
