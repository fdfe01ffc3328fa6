/** What a hold is about (HOLD-1). */
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

/** As people read it: "workflow 'orders' in deployment 'shop'". */
export const scopeText = ({ deployment, workflow }: Scope): string =>
  [
    ...(workflow === null ? [] : [`workflow '${workflow}'`]),
    ...(deployment === null ? [] : [`deployment '${deployment}'`]),
  ].join(" in ");
