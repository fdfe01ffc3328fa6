/** Free-text search over a few short texts; ignores case and whether words are joined by blanks, `_`, `-` or not at all. */

/** Whether every word of `search` occurs in one of the texts: `invoice proc` matches `Invoice_Processor`. */
export function matchesSearch(search: string, texts: readonly (string | null)[]): boolean {
  const plain = texts.filter((text) => text !== null).map(simple);
  return simple(search)
    .split(" ")
    .filter((word) => word !== "")
    .every((word) => plain.some((text) => text.includes(word) || text.replaceAll(" ", "").includes(word)));
}

const simple = (text: string) => text.toLowerCase().replaceAll(/[\s_-]+/g, " ");

/** Whether `search` is the beginning of the id. */
export function isIdPrefix(search: string, id: string): boolean {
  return id.startsWith(search.trim().toLowerCase());
}
