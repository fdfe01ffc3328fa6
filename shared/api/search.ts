/** Free-text search over a few short texts; ignores case and whether words are joined by blanks, `_`, `-` or not at all. */

/** Does every word of `search` occur in one of the texts? `invoice proc` finds `Invoice_Processor`. */
export function matchesSearch(search: string, texts: readonly (string | null)[]): boolean {
  const plain = texts.filter((text) => text !== null).map(simple);
  return simple(search)
    .split(" ")
    .filter((word) => word !== "")
    .every((word) => plain.some((text) => text.includes(word) || text.replaceAll(" ", "").includes(word)));
}

const simple = (text: string) => text.toLowerCase().replaceAll(/[\s_-]+/g, " ");

/** Is `search` the beginning of this id? */
export function beginsId(search: string, id: string): boolean {
  return id.startsWith(search.trim().toLowerCase());
}
