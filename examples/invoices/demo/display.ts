/** Shows progress: a bar at the bottom of a terminal, plain lines in any other output. */
import { styleText } from "node:util";

const { stdout } = process;
const WIDTH = 30;
const PLAIN_EVERY_MS = 2_000;

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Further information, such as the number of running executions. */
  readonly note: string;
}

export type Style = "good" | "bad" | "warn" | "dim" | "bold";
const STYLES = { good: "green", bad: "red", warn: "yellow", dim: "dim", bold: "bold" } as const;
export const style = (as: Style, text: string) => styleText(STYLES[as], text);

export class Display {
  readonly #start = performance.now();
  readonly #read: () => Progress;
  #timer: NodeJS.Timeout | undefined;
  #shown = "";
  #shownAt = 0;
  #drawn = false;

  constructor(read: () => Progress) {
    this.#read = read;
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  begin(): void {
    this.#timer = setInterval(() => this.#tick(), stdout.isTTY ? 100 : 250);
  }

  end(): void {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#tick(true);
    if (this.#drawn) stdout.write("\n");
    this.#drawn = false;
  }

  /** Prints a line with the elapsed time. */
  note(text: string, as?: Style): void {
    this.line(`${style("dim", `${this.seconds.toFixed(1).padStart(5)} s`)}  ${as ? style(as, text) : text}`);
  }

  line(text = ""): void {
    if (this.#drawn) stdout.write("\r\x1b[2K");
    stdout.write(`${text}\n`);
    this.#drawn = false;
    if (this.#timer && stdout.isTTY) this.#draw();
  }

  #tick(last = false): void {
    if (stdout.isTTY) {
      this.#draw();
      return;
    }
    const { done, total, note } = this.#read();
    const text = `${done} of ${total} invoices closed${note ? `; ${note}` : ""}`;
    const due = performance.now() - this.#shownAt >= PLAIN_EVERY_MS;
    if (text === this.#shown || !(due || last)) return;
    this.#shown = text;
    this.#shownAt = performance.now();
    this.note(text, "dim");
  }

  #draw(): void {
    const { done, total, note } = this.#read();
    const filled = total === 0 ? 0 : Math.round((WIDTH * done) / total);
    const bar = style("good", "█".repeat(filled)) + style("dim", "░".repeat(WIDTH - filled));
    const room = Math.max(0, (stdout.columns ?? 80) - WIDTH - 22);
    stdout.write(
      `\r\x1b[2K${this.seconds.toFixed(1).padStart(5)} s  ${bar} ${String(done).padStart(2)}/${total}  ${note.slice(0, room)}`,
    );
    this.#drawn = true;
  }
}
