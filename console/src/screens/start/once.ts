/** The schedule of a start at one moment. */

const LOCAL = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2}))?$/;
const FIELDS = ["year", "month", "day_of_month", "hour", "minute", "second"] as const;

/**
 * `at`: date and time as a field of a form has them, such as `2026-12-24T18:00`; null: it is none. The server finds the
 * moment at which the clocks of the zone show them.
 */
export function onceAt(at: string, zone: string): Record<string, unknown> | null {
  const [, ...parts] = LOCAL.exec(at) ?? [];
  if (parts.length === 0) return null;
  const calendar = Object.fromEntries(FIELDS.map((field, i) => [field, [{ start: Number(parts[i] ?? 0) }]]));
  return { calendars: [calendar], time_zone_name: zone, max_executions: 1 };
}
