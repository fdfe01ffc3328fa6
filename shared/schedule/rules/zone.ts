/**
 * Time zones as pieces of constant offset, exact to the second, from the zone data that `Intl` carries.
 *
 * Inside a piece the wall clock is linear, so "the next instant with this wall time" is integer arithmetic. A wall time that
 * does not exist lies in no piece, one that occurs twice lies in two. Daylight saving needs no other rule.
 *
 * The search for a piece compares the offsets at both ends of a chunk of four days, and bisects the chunk if they differ. That
 * is exact if no zone changes twice within a chunk: in the data since 1970 the closest two changes of any zone are seven
 * days apart (Noronha, Recife and Boa Vista in October 2000; Gaza and Hebron around Ramadan in later years).
 */
import { DAY_SECONDS, daysFromCivil } from "./civil.ts";

/** Seconds since 1970-01-01T00:00:00Z: `[start, end)`, within which the wall clock is UTC + `offset` seconds. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

export interface Zone {
  readonly name: string;
  /** The piece that contains this second. */
  pieceAt(second: number): Piece;
}

const CHUNK = 4 * DAY_SECONDS;
/** Eleven years of a zone. With more, all chunks are dropped and computed again when needed, to bound the memory. */
const CHUNKS_KEPT = 1024;

const UTC_PIECE: Piece = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY, offset: 0 };
const UTC: Zone = { name: "UTC", pieceAt: () => UTC_PIECE };

const zones = new Map<string, Zone>([["UTC", UTC]]);

/** The zone of an IANA name, aliases included; undefined for anything else. Names are case-sensitive, as in the files. */
export function zoneNamed(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known) return known;
  if (!hasTheCaseOfAName(name)) return undefined;
  const format = formatterOf(name);
  if (!format) return undefined;
  const zone = zoneOf(name, format);
  zones.set(name, zone);
  return zone;
}

/** The right spelling of a name that is wrong only in upper and lower case. */
export function similarZone(name: string): string | undefined {
  const wanted = name.toLowerCase();
  return canonicalNames().find((each) => each.toLowerCase() === wanted);
}

let canonical: readonly string[] | undefined;
function canonicalNames(): readonly string[] {
  canonical ??= ["UTC", ...Intl.supportedValuesOf("timeZone")];
  return canonical;
}

/**
 * `Intl` accepts names in any case, and bare offsets such as `+01:00`; the zone files have neither. `Intl` lists canonical names
 * only, so an alias is accepted by its form: each part begins with a capital, and only short parts (`GMT`, `PRC`) or parts with
 * digits or hyphens (`EST5EDT`, `NZ-CHAT`) are all capitals.
 */
function hasTheCaseOfAName(name: string): boolean {
  const same = similarZone(name);
  if (same !== undefined) return same === name;
  return name.split("/").every((part) => /^[A-Z]/.test(part) && !/^[A-Z_]{4,}$/.test(part));
}

function formatterOf(name: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function zoneOf(name: string, format: Intl.DateTimeFormat): Zone {
  const chunks = new Map<number, readonly Piece[]>();
  /** Offsets at the seconds where chunks begin; neighbours share them. */
  const edges = new Map<number, number>();

  /** Parses the formatted text (`12/31/1999, 23:59:59`): that needs one call and no array of parts. */
  const offsetAt = (second: number): number => {
    const text = format.format(second * 1000);
    const at = (from: number, to: number) => Number(text.slice(from, to));
    const days = daysFromCivil(at(6, 10), at(0, 2), at(3, 5));
    return days * DAY_SECONDS + at(12, 14) * 3600 + at(15, 17) * 60 + at(18, 20) - second;
  };

  const edgeAt = (second: number): number => {
    let offset = edges.get(second);
    if (offset === undefined) {
      offset = offsetAt(second);
      edges.set(second, offset);
    }
    return offset;
  };

  const build = (chunk: number): readonly Piece[] => {
    const start = chunk * CHUNK;
    const end = start + CHUNK;
    const offset = edgeAt(start);
    const later = edgeAt(end);
    if (later === offset) return [{ start, end, offset }];
    let low = start;
    let high = end;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle) === offset) low = middle;
      else high = middle;
    }
    if (high === end) return [{ start, end, offset }];
    return [
      { start, end: high, offset },
      { start: high, end, offset: later },
    ];
  };

  return {
    name,
    pieceAt(second) {
      const chunk = Math.floor(second / CHUNK);
      let pieces = chunks.get(chunk);
      if (!pieces) {
        if (chunks.size >= CHUNKS_KEPT) {
          chunks.clear();
          edges.clear();
        }
        pieces = build(chunk);
        chunks.set(chunk, pieces);
      }
      const first = pieces[0]!;
      return second < first.end ? first : pieces[1]!;
    },
  };
}
