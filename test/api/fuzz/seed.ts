/** The seed of a fuzz run: `FUZZ_SEED` repeats one. A failure names it. */
export const seedOf = (standard: number) => Number(process.env.FUZZ_SEED ?? standard);
export const repeat = (seed: number) => `repeat it with FUZZ_SEED=${seed}`;
