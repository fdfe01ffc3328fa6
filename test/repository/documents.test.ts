/** The documents name files, functions, headings and npm scripts: all of them are there. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { ROOT, read } from "./files.ts";

const documents = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "sdk/README.md",
  "cli/README.md",
  "cdk/README.md",
  "create/README.md",
  "infra/README.md",
  "localstack/README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

/** As GitHub makes an anchor of a heading. */
const anchorsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

test.each(documents)("every link in %s leads somewhere", (document) => {
  const broken: string[] = [];
  for (const [, target] of read(document).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target!)) continue;
    const [path, anchor] = target!.split("#");
    const file = path ? join(dirname(document), path) : document;
    if (!existsSync(join(ROOT, file))) broken.push(target!);
    else if (anchor && !anchorsOf(read(file)).includes(anchor)) broken.push(target!);
  }
  expect(broken).toEqual([]);
});

test("every file that ARCHITECTURE.md names exists", () => {
  const text = read("ARCHITECTURE.md");
  const top = "shared|sdk|cli|packaging|functions|infra|localstack|test|docs|bench|examples";
  const named = [
    ...text.matchAll(new RegExp(`\`((?:${top})/[\\w./-]*|(?:engine|core|embedded|aws)/[\\w-]+\\.ts)\``, "g")),
  ];
  expect(named.length).toBeGreaterThan(50);
  const places = (name: string) => [name, `shared/${name}`].map((path) => join(ROOT, path));
  expect(named.map(([, name]) => name!).filter((name) => !places(name).some(existsSync))).toEqual([]);
});

test("every npm script that the documents name exists", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  // The documents also name the scripts of the project that `npm create sirocco` makes.
  Object.assign(scripts, (JSON.parse(read("create/template/manifest.json")) as { scripts: object }).scripts);
  const named = documents.flatMap((document) =>
    [...read(document).matchAll(/\bnpm run ([a-z][a-z0-9:]*)/g)].map(([, script]) => script!),
  );
  const unknown = named.filter((script) => !Object.hasOwn(scripts, script));
  expect(unknown).toEqual([]);
});

const DIAGRAM = /^```mermaid\n([\s\S]*?)^```$/gm;
const ENTRY = /([\w/.-]+\.ts) (\w+)/g;

/** A function, a class, a constant, or a member of a class or an interface. */
const declares = (code: string, name: string): boolean =>
  new RegExp(`\\b(?:function\\*?|class|const) ${name}\\b|^ {2}(?:async |static )*[*#]*${name}[(<]`, "m").test(code);

test("every arrow of a diagram names functions, and their files declare them", () => {
  const diagrams = [...read("ARCHITECTURE.md").matchAll(DIAGRAM)].map(([, diagram]) => diagram!);
  const arrows = diagrams.flatMap((diagram) => diagram.split("\n").filter((line) => /--?>>/.test(line)));
  expect([diagrams.length, arrows.length > 40]).toEqual([3, true]);
  const wrong = arrows.flatMap((arrow) => {
    const entries = [...arrow.matchAll(ENTRY)];
    if (entries.length === 0) return [`names nothing: ${arrow.trim()}`];
    return entries
      .filter(([, file, name]) => !existsSync(join(ROOT, file!)) || !declares(read(file!), name!))
      .map(([entry]) => entry);
  });
  expect(wrong).toEqual([]);
});
