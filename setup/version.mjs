/**
 * Compares two dotted versions of numbers, such as "1.30.6" and "1.29". Missing places count as 0; what follows the numbers
 * ("-1+b2", "~rc1") is ignored, because minimums are given as plain releases.
 *
 * @param {string} left
 * @param {string} right
 * @returns {number} below 0 when left is older, 0 when equal, above 0 when left is newer
 * @throws {Error} when a text does not begin with a number
 */
export function compareVersions(left, right) {
  const a = numbersOf(left);
  const b = numbersOf(right);
  for (let place = 0; place < Math.max(a.length, b.length); place++) {
    const difference = (a[place] ?? 0) - (b[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * @param {string} version
 * @returns {number[]}
 */
function numbersOf(version) {
  const match = /^v?(\d+(?:\.\d+)*)/.exec(version);
  if (match?.[1] === undefined) throw new Error(`"${version}" is no version`);
  return match[1].split(".").map(Number);
}
