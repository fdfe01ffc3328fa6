/**
 * The arithmetic of docs/scale.md: what runs of ten steps ask of each limit of AWS, at some rates of steps. A test counts the
 * units of a run over tables in memory, and holds them to these.
 */
export const STEPS_A_RUN = 10;

interface Limit {
  readonly what: string;
  /** The limit, a second. */
  readonly most: number;
  readonly unit: "write units" | "read units" | "calls";
  /** Of a run. */
  readonly perRun: number;
  /** Partitions that share it evenly. */
  readonly over: number;
  /** Whether each workspace has its own. */
  readonly each: "workspace" | "installation";
}

/** The feed's units depend on how many records come in one batch. */
export const FEED_UNITS = { 100: 0.67, 500: 0.6 } as const;

export const LIMITS: readonly Limit[] = [
  { what: "index `due`, a shard", most: 1_000, unit: "write units", perRun: 2, over: 16, each: "installation" },
  { what: "index `runs`, a shard", most: 1_000, unit: "write units", perRun: 2, over: 8, each: "workspace" },
  { what: "*Registry*, a workspace", most: 3_000, unit: "read units", perRun: 1, over: 1, each: "workspace" },
  { what: "*Feed*, events", most: 1_000, unit: "write units", perRun: FEED_UNITS[100], over: 1, each: "workspace" },
  { what: "*Feed*, counts of a workflow", most: 1_000, unit: "write units", perRun: 0.44, over: 1, each: "workspace" },
  { what: "*Executions*, the table", most: 40_000, unit: "write units", perRun: 12, over: 1, each: "installation" },
  { what: "*worker*, invocations", most: 10_000, unit: "calls", perRun: 12, over: 1, each: "installation" },
  { what: "API Gateway, starts", most: 10_000, unit: "calls", perRun: 1, over: 1, each: "installation" },
];
const RATES = [1_000, 10_000, 100_000];

const usedOf = ({ perRun, over }: Limit, stepsASecond: number): number =>
  Math.round((perRun * (stepsASecond / STEPS_A_RUN)) / over);
/** Steps a second at which the limit is reached. */
const breaksAt = ({ most, perRun, over }: Limit): number => Math.round(((most * over) / perRun) * STEPS_A_RUN);

const n = (value: number): string => value.toLocaleString("en-US");
export const rowOf = (limit: Limit): string => {
  const used = RATES.map((rate) => usedOf(limit, rate)).map((u) => (u > limit.most ? `**${n(u)}**` : n(u)));
  const three = Number(breaksAt(limit).toPrecision(2));
  return `| ${limit.what} | ${limit.each} | ${n(limit.most)} ${limit.unit} | ${used.join(" | ")} | ${n(three)} |`;
};

if (import.meta.main) for (const limit of LIMITS) console.log(rowOf(limit));
