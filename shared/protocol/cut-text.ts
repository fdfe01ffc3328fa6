/** At most so many characters of the text. A cut leaves no half of a surrogate pair, which UTF-8 cannot hold (TEXT-2). */
export const cutText = (text: string, most: number): string =>
  text.length > most ? text.slice(0, most).replace(/[\ud800-\udbff]$/, "") : text;
