/** In a year of outages, crashes and changes, twelve schedules have the runs and outcomes of the reference model. */
import { expect, test } from "vitest";
import { machineYear, modelYear, type SimulatedYear, type YearPlan, type YearSpec } from "./year.ts";

const SEED = Number(process.env.SCHEDULE_SEED ?? 20_260_101);
const MINUTE = 60_000;

/** The wall clock of a zone. */
function wallOf(zone: string) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    weekday: "short",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  return (at: number) => {
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return { weekday: part.weekday, month: +part.month!, day: +part.day!, hour: +part.hour!, minute: +part.minute! };
  };
}

const every = (minutes: number, offset = 0): YearSpec => {
  const due = (at: number) => (at / MINUTE - offset) % minutes === 0;
  const interval = { every: `PT${minutes}M`, offset: `PT${offset}M` };
  return {
    definition: {
      intervals: [interval],
      calendars: [],
      cron_expressions: [],
      skip: [],
      jitter: null,
      time_zone_name: null,
    },
    isDue: due,
    isRaw: due,
  };
};

const paris = wallOf("Europe/Paris");
const workdays: YearSpec = {
  definition: {
    cron_expressions: ["30 2,9-17/4 * * 1-5"],
    calendars: [],
    intervals: [],
    skip: [],
    jitter: null,
    time_zone_name: "Europe/Paris",
  },
  isDue: (at) => at % (30 * MINUTE) === 0 && isWorkday(at),
  isRaw: (at) => at % (30 * MINUTE) === 0 && isWorkday(at),
};
function isWorkday(at: number): boolean {
  const { minute, hour, weekday } = paris(at);
  return minute === 30 && [2, 9, 13, 17].includes(hour) && weekday !== "Sat" && weekday !== "Sun";
}

const lordHowe = wallOf("Australia/Lord_Howe");
const nightly: YearSpec = {
  definition: {
    calendars: [{ hour: [{ start: 1, end: 2 }], minute: [{ start: 10 }, { start: 40 }] }],
    cron_expressions: [],
    intervals: [],
    skip: [{ month: [{ start: 4 }], day_of_month: [{ start: 10, end: 20 }] }],
    jitter: "PT45M",
    time_zone_name: "Australia/Lord_Howe",
  },
  jitterMs: 45 * MINUTE,
  isRaw: (at) => at % (10 * MINUTE) === 0 && isNight(at),
  isDue: (at) => {
    const { month, day } = lordHowe(at);
    return isNight(at) && !(month === 4 && day >= 10 && day <= 20);
  },
};
function isNight(at: number): boolean {
  const { hour, minute } = lordHowe(at);
  return (hour === 1 || hour === 2) && (minute === 10 || minute === 40);
}

const jittered = (spec: YearSpec, minutes: number): YearSpec => ({
  ...spec,
  definition: { ...spec.definition, jitter: `PT${minutes}M` },
  jitterMs: minutes * MINUTE,
});

const YEARS: [overlap: number, specs: [YearSpec, YearSpec], rest: Partial<YearPlan>][] = [
  [1, [every(60), every(45)], {}],
  [1, [jittered(every(120), 30), workdays], { catchupSeconds: 3 * 3600, pauseOnFailure: true }],
  [2, [every(60), nightly], {}],
  [2, [workdays, jittered(every(240, 30), 600)], { catchupSeconds: 600, maxExecutions: 500 }],
  [3, [every(180), every(240)], { catchupSeconds: 7200 }],
  [3, [nightly, workdays], { pauseOnFailure: true, maxExecutions: 300 }],
  [4, [every(60), every(90, 15)], {}],
  [4, [jittered(workdays, 60), nightly], { catchupSeconds: 10, maxExecutions: 200 }],
  [5, [every(60), workdays], { pauseOnFailure: true }],
  [5, [nightly, every(120)], { catchupSeconds: 86_400 }],
  [6, [every(60), every(120)], { pauseOnFailure: true, maxExecutions: 4000 }],
  [6, [jittered(every(90), 15), nightly], { catchupSeconds: 3600 }],
];

const outcomesOf = ({ outcomes }: SimulatedYear) => Object.entries(outcomes).map((pair) => pair.join(" "));

/** The first lines in which the two differ. A comparison of whole years would print all of them. */
function firstDifferences(machine: string[], model: string[]): { machine: string[]; model: string[] } {
  const [inModel, inMachine] = [new Set(model), new Set(machine)];
  return {
    machine: machine.filter((line) => !inModel.has(line)).slice(0, 4),
    model: model.filter((line) => !inMachine.has(line)).slice(0, 4),
  };
}

test.each(
  YEARS.map(([overlap, specs, rest], index) => ({ overlap, specs, rest, index })),
)("schedule $index under policy $overlap agrees with the model (seed from SCHEDULE_SEED)", ({
  overlap,
  specs,
  rest,
  index,
}) => {
  const plan: YearPlan = {
    seed: SEED + index,
    specs,
    overlap,
    catchupSeconds: 31_536_000,
    pauseOnFailure: false,
    maxExecutions: null,
    ...rest,
  };
  const model = modelYear(plan);
  const machine = machineYear(plan);
  const same = { machine: [], model: [] };
  expect(firstDifferences(machine.runs, model.runs), `seed ${SEED}`).toEqual(same);
  expect(firstDifferences(outcomesOf(machine), outcomesOf(model)), `seed ${SEED}`).toEqual(same);
  expect(model.runs.length).toBeGreaterThan(50);
  expect(machine.faults).toBeGreaterThan(20);
});
