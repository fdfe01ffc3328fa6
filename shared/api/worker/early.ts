/** Answers that leave before what they tell is on the disk (CLAIM-2, CLAIM-6). */
const early = new WeakSet<object>();

export function leavesEarly<T extends object>(answer: T): T {
  early.add(answer);
  return answer;
}

export const isEarly = (answer: unknown): boolean => typeof answer === "object" && answer !== null && early.has(answer);
