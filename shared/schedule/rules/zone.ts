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
import { zoneNames } from "./zone-names.ts";

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
/** The chunks that are built at once: about 0.1 ms of work. The search visits only the blocks in which it expects a time. */
const BLOCK = 8 * CHUNK;

const UTC_PIECE: Piece = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY, offset: 0 };
const UTC: Zone = { name: "UTC", pieceAt: () => UTC_PIECE };

/** Most processes use a few zones. With more, the oldest is dropped and computed again when needed, to bound the memory. */
const ZONES_KEPT = 64;
const zones = new Map<string, Zone>();

/** The zone of an IANA name, aliases included; undefined for anything else. Names are case-sensitive, as in the files. */
export function zoneNamed(name: string): Zone | undefined {
  if (name === "UTC") return UTC;
  const known = zones.get(name);
  if (known) return known;
  const format = zoneNames().has(name) ? formatterOf(name) : undefined;
  if (!format) return undefined;
  const zone = zoneOf(name, format);
  const [oldest] = zones.keys();
  if (zones.size >= ZONES_KEPT) zones.delete(oldest!);
  zones.set(name, zone);
  return zone;
}

/** The right spelling of a name that is wrong only in upper and lower case. */
export function similarZone(name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (const each of zoneNames()) if (each.toLowerCase() === wanted) return each;
  return undefined;
}

/** Undefined: the zone data of this process is older than the name. */
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
  const blocks = new Map<number, readonly Piece[]>();

  /** Parses the formatted text (`12/31/1999, 23:59:59`): that needs one call and no array of parts. */
  const offsetAt = (second: number): number => {
    const text = format.format(second * 1000);
    const at = (from: number, to: number) => Number(text.slice(from, to));
    const days = daysFromCivil(at(6, 10), at(0, 2), at(3, 5));
    return days * DAY_SECONDS + at(12, 14) * 3600 + at(15, 17) * 60 + at(18, 20) - second;
  };

  /** The first second at which the offset is not `offset` any more. It is that at `from` and not at `until`. */
  const changeBetween = (from: number, until: number, offset: number): number => {
    let low = from;
    let high = until;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  };

  const build = (block: number): readonly Piece[] => {
    const pieces: Piece[] = [];
    const end = (block + 1) * BLOCK;
    let start = block * BLOCK;
    let offset = offsetAt(start);
    for (let from = start; from < end; from += CHUNK) {
      const later = offsetAt(from + CHUNK);
      if (later === offset) continue;
      const change = changeBetween(from, from + CHUNK, offset);
      if (change === end) break;
      pieces.push({ start, end: change, offset });
      start = change;
      offset = later;
    }
    pieces.push({ start, end, offset });
    return pieces;
  };

  return {
    name,
    pieceAt(second) {
      const block = Math.floor(second / BLOCK);
      let pieces = blocks.get(block);
      if (!pieces) {
        pieces = build(block);
        blocks.set(block, pieces);
      }
      return pieces.find(({ end }) => second < end)!;
    },
  };
}
