/** Says at the end of a run which test files were skipped for want of what, so that no part is missed in silence. */
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import "./describe-unless.ts";

export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = new Map<string, { files: Set<string>; tests: number }>();
    for (const module of modules) {
      for (const suite of module.children.suites()) {
        const { missing } = suite.meta();
        if (missing === undefined) continue;
        const entry = skipped.get(missing) ?? { files: new Set(), tests: 0 };
        entry.files.add(relative(process.cwd(), module.moduleId));
        entry.tests += [...suite.children.allTests()].length;
        skipped.set(missing, entry);
      }
    }
    for (const [missing, { files, tests }] of skipped) {
      console.log(`Skipped ${tests} tests in ${files.size} files. ${missing}`);
      for (const file of [...files].sort()) console.log(`  ${file}`);
    }
  }
}
