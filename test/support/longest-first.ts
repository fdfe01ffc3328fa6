/**
 * The order of the test files: what took longest in the last run begins first, as Vitest has it. On a machine without a last
 * run Vitest goes by the size of the files, which says little where a file waits for processes and deployments: these begin first.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files of the suite `emulator` that take longer than half a minute. Two run at a time, so a long one must not begin last. */
const LONGEST = [
  "emulator/python-workers",
  "emulator/recovery",
  "emulator/handlers",
  "emulator/installation",
  "emulator/together",
  "service/aws-installation",
  "emulator/console",
];
const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return place === -1 ? LONGEST.length : place;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}
