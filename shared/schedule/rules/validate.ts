/** Checks definitions: answers the compiled spec, or the complete list of issues. Every definition is checked before it is stored. */
import { idProblem, ScheduleId } from "../../protocol/ids.ts";
import { DEFAULT_CATCHUP_SECONDS } from "../../protocol/limits.ts";
import { formatInstant } from "./civil.ts";
import { compile } from "./compile.ts";
import {
  DefinitionSchema,
  type DefinitionShape,
  MIN_CATCHUP_SECONDS,
  Overlap,
  type ScheduleDefinition,
} from "./definition.ts";
import { firstIssues, issue, type SpecIssue, shapeIssues } from "./issues.ts";
import { sizeIssues } from "./sizes.ts";
import type { CompiledSpec } from "./times.ts";

export type Validated =
  | { readonly spec: CompiledSpec; readonly definition: ScheduleDefinition }
  | { readonly issues: SpecIssue[] };

/**
 * Checks a ScheduleDefinition (any JSON). A missing `input` counts as null, unknown keys are ignored. All issues are reported
 * at once, 50 at most; `loc` begins at the definition.
 */
export function validateSpec(input: unknown): Validated {
  const sizes = sizeIssues(input);
  if (sizes.length > 0) return { issues: firstIssues(sizes) };
  const shape = DefinitionSchema.safeParse(input, { reportInput: true });
  if (!shape.success) return { issues: firstIssues(shapeIssues(shape.error)) };
  const { spec, issues } = compile(shape.data);
  issues.push(...policyIssues(shape.data), ...idIssues(shape.data.schedule_id ?? null));
  return issues.length > 0 ? { issues: firstIssues(issues) } : { spec, definition: complete(shape.data, spec) };
}

/** Issues of the id that a caller chose. */
export function idIssues(id: string | null): SpecIssue[] {
  const problem = id === null ? undefined : idProblem(ScheduleId, id);
  return problem === undefined ? [] : [issue(["schedule_id"], id, problem)];
}

/**
 * Merges a PartialScheduleDefinition into a stored definition: a key that is present replaces the stored value (a list as a
 * whole), null clears it, `policy` is merged key by key. The result still has to pass `validateSpec`.
 */
export function mergeDefinition(stored: ScheduleDefinition, partial: Readonly<Record<string, unknown>>): unknown {
  const { policy } = partial;
  const merged = { ...stored, ...partial };
  if (!isObject(policy)) return merged;
  const given = Object.entries(policy).filter(([, value]) => value !== undefined);
  return { ...merged, policy: { ...stored.policy, ...Object.fromEntries(given) } };
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function policyIssues({ policy, max_executions }: DefinitionShape): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const window = policy?.catchup_window_seconds;
  if (window !== undefined && window < 0) {
    const rule = `allowed are 0 and more (less than ${MIN_CATCHUP_SECONDS} counts as ${MIN_CATCHUP_SECONDS})`;
    issues.push(issue(["policy", "catchup_window_seconds"], window, rule));
  }
  if (max_executions != null && max_executions < 1) {
    const rule = "allowed are 1 and more, or null for no limit; to stop a schedule, pause it";
    issues.push(issue(["max_executions"], max_executions, rule));
  }
  return issues;
}

function complete(given: DefinitionShape, spec: CompiledSpec): ScheduleDefinition {
  return {
    input: given.input ?? null,
    calendars: given.calendars ?? [],
    intervals: given.intervals ?? [],
    cron_expressions: given.cron_expressions ?? [],
    skip: given.skip ?? [],
    start_at: spec.startAtMs === undefined ? null : formatInstant(spec.startAtMs),
    end_at: spec.endAtMs === undefined ? null : formatInstant(spec.endAtMs),
    jitter: given.jitter ?? null,
    time_zone_name: given.time_zone_name ?? null,
    policy: {
      overlap: given.policy?.overlap ?? Overlap.SKIP,
      catchup_window_seconds: Math.max(
        MIN_CATCHUP_SECONDS,
        given.policy?.catchup_window_seconds ?? DEFAULT_CATCHUP_SECONDS,
      ),
      pause_on_failure: given.policy?.pause_on_failure ?? false,
    },
    max_executions: given.max_executions ?? null,
  };
}
