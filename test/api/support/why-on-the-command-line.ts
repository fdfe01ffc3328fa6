/** What `sirocco why` prints for each kind of wait, so that a test can hold the table of kinds to it. */
import { expect } from "vitest";
import { cli } from "../../cli/support.ts";

export class PrintedWaits {
  readonly kinds = new Set<string>();
  readonly #env: () => Record<string, string>;

  constructor(to: () => { url: string; key: string }) {
    this.#env = () => ({ SIROCCO_URL: to().url, SIROCCO_API_KEY: to().key });
  }

  /** Runs the command, expects a thing to do below each wait, and notes the kinds. */
  async take(...argv: string[]): Promise<void> {
    const { code, out, err } = await cli(argv, { env: this.#env() });
    expect({ code, err }, `sirocco ${argv.join(" ")}`).toEqual({ code: 0, err: "" });
    const lines = out.split("\n");
    for (const [i, line] of lines.entries()) {
      const [, kind] = /^([a-z ]+) {2}.*must act$/.exec(line) ?? [];
      if (kind === undefined) continue;
      const below = lines.slice(i + 1, lines.indexOf("", i + 1) === -1 ? undefined : lines.indexOf("", i + 1));
      expect(below.join("\n"), kind).toMatch(/^ {2}to do: \S.*/m);
      this.kinds.add(kind.replaceAll(" ", "_"));
    }
  }
}
