import { shownTime } from "./readable.ts";

interface Stored {
  readonly hash: string;
  readonly name: string;
  readonly rights: readonly unknown[];
  readonly createdAt: number;
  readonly expiresAt?: number;
}

/** @throws TypeError, RangeError if the stored value is no API key that a list can show: it is damaged. */
export function storedKey<T extends Stored>(value: T): T {
  const isWhole = typeof value?.hash === "string" && typeof value.name === "string" && Array.isArray(value.rights);
  if (!isWhole) throw new TypeError("the stored API key lacks its hash, its name or its rights");
  shownTime(value.createdAt);
  if (value.expiresAt !== undefined) shownTime(value.expiresAt);
  return value;
}
