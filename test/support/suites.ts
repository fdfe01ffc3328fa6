/** The suite in parts, each an npm script (`npm run test:unit`). Every test file belongs to exactly one. */

export interface Suite {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly limits?: {
    readonly testTimeout: number;
    readonly expect: { readonly poll: { readonly timeout: number; readonly interval: number } };
  };
  /** Whether its files share what they import with those that the same process runs before. */
  readonly isShared?: boolean;
  /** How many of its files run at a time, after the other suites. */
  readonly alone?: number;
  /** Modules that prepare what its files share. */
  readonly globalSetup?: readonly string[];
}

const BUNDLES = ["functions/build/*.test.ts", "infra/**/*.test.ts"];
const SCHEDULES_OVER_HTTP = ["test/schedule/**/{api,cli,crash,python}.test.ts"];
const IN_THE_EMULATOR = ["test/emulator/**/*.test.ts", "test/schedule/**/aws-installation.test.ts"];

export const SUITES: Readonly<
  Record<"unit" | "protocol" | "simulation" | "e2e" | "console" | "aws" | "emulator", Suite>
> = {
  /** Beside the sources, and what holds for the repository's texts. */
  unit: {
    include: ["{shared,functions,sdk,cli,console,bench}/**/*.test.ts", "test/repository/**/*.test.ts"],
    exclude: BUNDLES,
  },
  /** The engine's promises against the embedded store: contract, interleavings, recorded histories and data files, properties. */
  protocol: {
    include: ["test/{contract,formats,interleavings,schedule}/**/*.test.ts", "test/histories.test.ts"],
    exclude: [...SCHEDULES_OVER_HTTP, "test/schedule/**/aws*.test.ts"],
  },
  simulation: { include: ["test/simulation/**/*.test.ts"], exclude: [] },
  /** What a user meets: processes, HTTP, command line, both official clients, the packages, the examples. */
  e2e: {
    include: [
      "test/{processes,api,cli,protocol,python,package,examples}/**/*.test.ts",
      "examples/*/*.test.ts",
      ...SCHEDULES_OVER_HTTP,
    ],
    exclude: [],
  },
  /**
   * The console in a real browser, against a real server and real workers. Its limits end a test that hangs. None of
   * them states a speed: a browser on a busy machine takes ten times as long. What a test asks of a page costs the page
   * more than its answer takes, so it is asked less often than elsewhere. To import the server, the SDK and Playwright
   * costs two seconds of a processor, once for each process.
   */
  console: {
    include: ["test/console/**/*.test.ts"],
    exclude: [],
    limits: { testTimeout: 90_000, expect: { poll: { timeout: 30_000, interval: 100 } } },
    isShared: true,
  },
  /** The template, the bundles, and the AWS adapter against the emulator's tables and queues. */
  aws: {
    include: [...BUNDLES, "test/aws/**/*.test.ts", "test/schedule/**/aws.test.ts"],
    exclude: [],
  },
  /** The deployed stack in the emulator: two files keep two cores busy with the stack's functions, beside their workers. */
  emulator: {
    include: IN_THE_EMULATOR,
    exclude: [],
    alone: 2,
    globalSetup: ["test/emulator/global-setup.ts"],
  },
};
