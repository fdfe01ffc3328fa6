/**
 * The TypeScript of the documentation, as files.
 *
 * A block that begins with ```` ```ts name.ts ```` is that file, and its neighbours may import it. A block without a name
 * is a file of its own that begins with the document's hidden prelude: a comment `<!-- prelude … -->` somewhere before.
 */
import { readdirSync, readFileSync } from "node:fs";

const ROOT = new URL("../../", import.meta.url);

export interface Example {
  /** Of the repository, such as `docs/testing.md`. */
  readonly document: string;
  /** Where it goes: `docs-testing/cart.test.ts`. */
  readonly file: string;
  readonly text: string;
}

const PIECE = /^<!-- prelude\n(?<prelude>[\s\S]*?)^-->|^```ts *(?<name>\S*)\n(?<text>[\s\S]*?)^```$/gm;

export function examplesOf(document: string, markdown: string): Example[] {
  const folder = document.replace(/\.md$/, "").replaceAll("/", "-").toLowerCase();
  let prelude = "";
  const found: Example[] = [];
  for (const { groups } of markdown.matchAll(PIECE)) {
    if (groups!.prelude !== undefined) prelude = groups!.prelude;
    else if (groups!.name) found.push({ document, file: `${folder}/${groups!.name}`, text: groups!.text! });
    else found.push({ document, file: `${folder}/block-${found.length + 1}.ts`, text: `${prelude}\n${groups!.text}` });
  }
  return found;
}

export function documentation(): Example[] {
  const docs = readdirSync(new URL("docs/", ROOT)).filter((file) => file.endsWith(".md"));
  const documents = ["README.md", "sdk/README.md", ...docs.map((file) => `docs/${file}`)];
  return documents.flatMap((document) => examplesOf(document, readFileSync(new URL(document, ROOT), "utf8")));
}
