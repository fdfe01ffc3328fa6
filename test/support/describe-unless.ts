/** Suites that need something of the machine: where it is missing they are skipped, and the run's end says why. */
import { describe } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** Why the suite was skipped; `skip-reporter.ts` prints it. */
    missing?: string;
  }
}

/** `describe`, unless `missing` says what is missing. */
export const describeUnless =
  (missing: string | undefined) =>
  (title: string, body: () => void): void => {
    if (missing === undefined) describe(title, body);
    else describe.skip(title, { meta: { missing } }, body);
  };
