/** What a worker can run, as stores keep it: the id is a digest, so that workers of one build share a record. */
import { hash } from "node:crypto";

export interface AbilitiesRecord {
  readonly id: string;
  readonly json: string;
}

export function abilitiesRecord(p: {
  readonly definitions: readonly { readonly name: string }[];
  readonly activities?: readonly string[];
}): AbilitiesRecord {
  const json = JSON.stringify({
    workflows: [...new Set(p.definitions.map(({ name }) => name))].sort(),
    activities: [...new Set(p.activities ?? [])].sort(),
  });
  return { id: hash("sha256", json, "base64url"), json };
}
