/** The workers that documents show, as files that run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const read = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8");

export interface Example {
  /** The file `worker.py`, byte for byte. */
  readonly worker: string;
  readonly deployment: string;
  /** The arguments of `sirocco` that start its workflow. */
  readonly start: readonly string[];
}

/** What `docs/python.md` has its readers save and type. */
export function documented(): Example {
  const page = read("../../docs/python.md");
  const find = (pattern: RegExp) => pattern.exec(page)?.[1] ?? "not found";
  const typed = find(/^npx sirocco (start .*)$/m);
  return {
    worker: find(/^Save this as `worker.py`:\n\n```python\n([\s\S]*?)^```$/m),
    deployment: find(
      /^SERVER_URL=\S+ DEPLOYMENT_NAME=(\S+) MISTRAL_API_KEY=\$\(cat .sirocco\/key\) uv run python worker.py$/m,
    ),
    start: [...typed.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!),
  };
}

const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/**
 * The lines of the product's page on schedules in code, and those of the worker file that the tests run. Text has no
 * indentation where the page shows code, so lines are compared without theirs.
 */
export const ofThePage = (): string[] => lines(read("documents/report.txt"));
export const ofTheWorker = (): string[] => lines(read("workers/report.py"));
