/**
 * Finds patterns that backtrack exponentially, when a worker registers them. JavaScript's engine tries each way in which
 * nested or overlapping repetition can divide a text: `^(a+)+$` needs 2^40 steps for 40 letters and a wrong last one. The
 * probe runs such texts against the pattern, and against each of its repeated groups alone, because a group behind a fixed
 * beginning meets no text that does not begin like that. No pattern is refused that has not been slow. A pattern whose
 * steps grow with a power of the length passes: `schema-check.ts` limits the time of each input.
 */
import { withinTime } from "../lib/time-limit.ts";
import type { Millis } from "../protocol/history.ts";

/** An ordinary pattern takes less than 10 µs for a probe. */
const LIMIT_MS = 10;
/** For the second look: other processes may have had the processor during the first one, on a busy machine for longer than it. */
const SURE_MS = 150;
const REPETITIONS = 40;
const MAX_PROBES = 60;
/** Characters of which many patterns have a class; the pattern's own are added. */
const COMMON = ["a", "A", "0", "_", "-", ".", " ", "/", "é"];

export function isSlow(pattern: string): boolean {
  if (!/[*+{]/.test(pattern)) return false;
  const texts = probesFor(pattern);
  const parts = [pattern, ...repeatedGroups(pattern).map((group) => `^(?:${group})$`)];
  return parts.some((part) => {
    const regex = compiled(part);
    if (!regex) return false;
    const isLate = (ms: Millis) => withinTime(ms, () => texts.map((text) => regex.test(text))) === "late";
    return isLate(LIMIT_MS) && isLate(SURE_MS);
  });
}

function compiled(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, "u");
  } catch {
    return undefined; // a part that refers to a group outside of it
  }
}

/** Repetitions of one character and of two, each with an end that no class of letters has. */
function probesFor(pattern: string): string[] {
  const own = [...pattern].filter((character) => /[^\\()[\]{}*+?|^$]/u.test(character));
  const characters = [...new Set([...own, ...COMMON])].slice(0, 20);
  const pairs = characters.slice(0, 6).flatMap((one) => characters.slice(0, 6).map((other) => one + other));
  const units = [...characters, ...pairs].slice(0, MAX_PROBES);
  return units.map((unit) => `${unit.repeat(REPETITIONS)}\0`);
}

/** The groups that a quantifier follows, with it: `(a+)+` of `^x(a+)+$`. */
function repeatedGroups(pattern: string): string[] {
  const groups: string[] = [];
  const open: number[] = [];
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === "\\") at += 1;
    else if (inClass) inClass = character !== "]";
    else if (character === "[") inClass = true;
    else if (character === "(") open.push(at);
    else if (character === ")") {
      const from = open.pop() ?? 0;
      const quantifier = /^(?:[*+]|\{\d+,?\d*\})/.exec(pattern.slice(at + 1))?.[0];
      if (quantifier) groups.push(pattern.slice(from, at + 1) + quantifier);
    }
  }
  return groups;
}
