/** A small CSV reader: commas, and quoted fields that may hold commas, line ends and doubled quotes. */

/** Rows of fields. Throws `SyntaxError` when a quote is never closed. */
export function rows(text: string): string[][] {
  const all: string[][] = [];
  const row: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[++i]!;
      else quoted = false;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === "," || c === "\n") {
      row.push(field.replace(/\r$/, ""));
      field = "";
      if (c === "\n") all.push(row.splice(0));
    } else field += c;
  }
  if (quoted) throw new SyntaxError(`the quote in row ${all.length + 1} is never closed`);
  if (field !== "" || row.length > 0) all.push([...row, field]);
  return all.filter((r) => r.some((f) => f !== ""));
}

/** Rows as objects, by the names in the first row. */
export function records(text: string): Record<string, string>[] {
  const [heading = [], ...rest] = rows(text);
  return rest.map((row) => Object.fromEntries(heading.map((name, i) => [name, row[i] ?? ""])));
}
