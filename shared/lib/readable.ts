/**
 * Stored rows that a list cannot show, because they are damaged or a newer version wrote them. A list leaves such a row out,
 * so that it does not hide the others, and tells of each row once.
 */
import { Unreadable } from "../protocol/unreadable.ts";

type Tell = (row: string, error: unknown) => void;

/** Rows that are remembered as told. */
const MOST_TOLD = 1_000;
/** The latest time that has a form in ISO 8601. */
const LATEST = 8_640_000_000_000_000;

export class Readable {
  readonly #tell: Tell;
  readonly #told = new Set<string>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** `read` of each row that it can read. `nameOf`: the row's name in the log. */
  of<R, T>(rows: readonly R[], nameOf: (row: R) => string, read: (row: R) => T): T[] {
    return rows.flatMap((row) => {
      try {
        return [read(row)];
      } catch (error) {
        this.leftOut(nameOf(row), error);
        return [];
      }
    });
  }

  /** The value that `read` answers; null if the stored value cannot be read. @throws what a service fails with */
  async one<T>(row: string, read: () => T | Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.leftOut(row, error);
      return null;
    }
  }

  leftOut(row: string, error: unknown): void {
    if (this.#told.has(row) || this.#told.size >= MOST_TOLD) return;
    this.#told.add(row);
    this.#tell(row, error);
  }
}

/** Whether the error says that a stored value cannot be read, and not that a service could not be asked. */
export function isUnreadable(error: unknown): boolean {
  if (isDamage(error)) return true;
  const { $metadata, $response } = error as { $metadata?: unknown; $response?: unknown };
  const ofOurs = error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError;
  return ofOurs && $metadata === undefined && $response === undefined;
}

/** What `read` answers; undefined: the stored value cannot be read. @throws what a service fails with */
export async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}

/** The same, within a transaction of one machine's store. */
export function readableNow<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}

/** `isUnreadable` of a packed value, before it is parsed. */
export function isDamage(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return error instanceof Unreadable || name === "NoSuchKey" || (typeof code === "string" && code.startsWith("Z_"));
}

/** @throws RangeError if it is no time that can be shown. */
export function shownTime(value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LATEST) return Number(value);
  throw new RangeError(`${String(value)} is stored as a time, and is none`);
}

/** @throws TypeError if it is no list of objects. */
export function shownList<T>(value: readonly T[]): readonly T[] {
  if (Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null)) return value;
  throw new TypeError("something else is stored in place of a list");
}

/** @throws TypeError if it is no object, as stored JSON must be. */
export function shownObject<T>(value: T): T {
  if (typeof value === "object" && value !== null) return value;
  throw new TypeError(`${JSON.stringify(value)} is stored in place of an object`);
}
