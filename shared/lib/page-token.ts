/** Page tokens of stores: the sort value and the id of the last entry of a page, opaque to clients. */

/** Sort value and id: where an entry stands in a list. */
export type Place = readonly [number, string];

export const writePageToken = (place: Place): string => Buffer.from(JSON.stringify(place)).toString("base64url");

/** Null: no store made this token. */
export function readPageToken(token: string): Place | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(parsed) && Number.isSafeInteger(parsed[0]) && typeof parsed[1] === "string") {
      return [parsed[0], parsed[1]];
    }
  } catch {}
  return null;
}
