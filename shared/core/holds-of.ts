/** Which holds are about an execution (HOLD-1). */
interface Scope {
  readonly deployment: string | null;
  readonly workflow: string | null;
}

export const holdsOf = <T extends Scope>(
  holds: readonly T[],
  of: { readonly deployment: string; readonly workflow: string },
): T[] =>
  holds.filter(
    ({ deployment, workflow }) =>
      (deployment === null || deployment === of.deployment) && (workflow === null || workflow === of.workflow),
  );
