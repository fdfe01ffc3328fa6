/** Rules of schedules that the fields of the form can hold: each shape in each zone. */

const range = (start: number, end = start, step = 1) => ({ start, end, step });

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "Europe/Paris",
  "Europe/Dublin",
  "America/New_York",
  "America/Denver",
  "America/Havana",
  "America/Sao_Paulo",
  "America/Caracas",
  "America/Santiago",
  "Africa/Casablanca",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Gaza",
  "Asia/Tokyo",
  "Australia/Lord_Howe",
  "Australia/Sydney",
  "Pacific/Apia",
  "Pacific/Kwajalein",
  "Pacific/Chatham",
] as const;

const SHAPES: readonly Readonly<Record<string, unknown>>[] = [
  { cron_expressions: ["30 2 * * *"] },
  { cron_expressions: ["0 9 * * MON-FRI", "0 12 * * SAT"] },
  { cron_expressions: ["*/7 8-10 1 * *"] },
  { cron_expressions: ["0 0 29 2 *"] },
  { cron_expressions: ["15 30 2 * * * 2027"] },
  { cron_expressions: ["@daily"] },
  { intervals: [{ every: "PT45M" }] },
  { intervals: [{ every: "P1D", offset: "PT2H30M" }, { every: "PT36H" }] },
  { calendars: [{ hour: [range(2)], minute: [range(0, 59, 15)] }] },
  { calendars: [{ hour: [range(9)], day_of_week: [range(1, 5)] }], skip: [{ month: [range(8)] }] },
  { calendars: [{ day_of_month: [range(31)], comment: "the last of long months" }] },
  { calendars: [{ second: [range(30)], minute: [range(59)], hour: [range(23)], year: [range(2027, 2031, 2)] }] },
  { calendars: [{ hour: [range(0, 20, 5), range(22)] }, { day_of_month: [range(1)] }] },
  { cron_expressions: ["0 * * * *"], skip: [{ hour: [range(0, 6)], comment: "nights" }] },
  { cron_expressions: ["0 6 * * *"], start_at: "2027-03-01T00:00:00Z", end_at: "2027-03-05T00:00:00Z" },
  { cron_expressions: ["0 6 * * *"], jitter: "PT10M", max_executions: 4 },
  { cron_expressions: ["0 6 1 1 *"], policy: { overlap: 3, catchup_window_seconds: 60, pause_on_failure: true } },
];

export const SPECS: readonly Readonly<Record<string, unknown>>[] = SHAPES.flatMap((shape) =>
  ZONES.map((zone) => ({ ...shape, time_zone_name: zone })),
);

/** Every field of the form, and zones whose clocks change in different ways. */
const SOME: readonly (readonly [shape: number, zone: (typeof ZONES)[number]])[] = [
  [1, "UTC"],
  [4, "Europe/Berlin"],
  [7, "Asia/Kathmandu"],
  [9, "Africa/Casablanca"],
  [11, "Pacific/Apia"],
  [12, "America/Havana"],
  [13, "Australia/Lord_Howe"],
  [14, "America/Santiago"],
  [15, "Asia/Gaza"],
  [16, "Europe/Dublin"],
];
export const SOME_SPECS = SOME.map(([shape, zone]) => ({ ...SHAPES[shape], time_zone_name: zone }));
