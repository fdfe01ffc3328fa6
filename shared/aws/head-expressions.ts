/** Pieces of the conditions and updates of a head's item, so that each call of the protocol reads as its rule. */

export const IS_RUNNING = "#status = :running";
export const IS_FINAL = "#status <> :running";
export const OF_RUN = "#run = :run";
export const OF_CHAIN = "#chain = :chain";
export const HAS_STATUS = "#status = :status";
/** The caller still owns the fence. */
export const HAS_FENCE = "#fence = :fence";
export const NO_WAKE_PENDING = "attribute_not_exists(wake_pending)";
/** In a SET: every earlier owner of the fence is refused from now on. */
export const RAISE_FENCE = "#fence = #fence + :one";

export const all = (...conditions: readonly string[]): string => conditions.join(" AND ");

/** `#name` for each attribute. DynamoDB refuses a reserved word without it, and a placeholder that no expression uses. */
export const placeholders = (...attributes: readonly string[]): Record<string, string> =>
  Object.fromEntries(attributes.map((name) => [`#${name}`, name]));
