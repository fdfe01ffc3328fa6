/**
 * Money without floating point: amounts are whole cents, quantities and prices are whole thousandths. Each value is rounded once,
 * halves away from zero, where the law requires it.
 */

/** `a * b / divisor` in whole numbers, halves away from zero. Throws `RangeError` if a number cannot hold the result exactly. */
export function multiply(a: number, b: number, divisor: number): number {
  const product = BigInt(a) * BigInt(b);
  const by = BigInt(divisor);
  const half = product < 0n ? -by / 2n : by / 2n;
  const result = Number((product + half) / by);
  if (Number.isSafeInteger(result)) return result;
  throw new RangeError(`${a} * ${b} / ${divisor} is more than a number holds exactly`);
}

/** `"12.5"` with up to `places` decimals as a whole number of 10^-places; null for any other text. */
export function decimal(text: string, places: number): number | null {
  const found = /^(-?)(\d{1,12})(?:\.(\d+))?$/.exec(text.trim());
  if (!found || (found[3] ?? "").length > places) return null;
  const value = Number(found[2]! + (found[3] ?? "").padEnd(places, "0"));
  return found[1] === "-" ? -value : value;
}

/** `1234567` as `12,345.67`. */
export function amount(cents: number): string {
  const units = Math.trunc(Math.abs(cents) / 100).toString();
  const grouped = units.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${cents < 0 ? "-" : ""}${grouped}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;
}
