/** The refusal of a head that a build before the first release wrote: it has no `fence`. */

import { Unreadable } from "../protocol/unreadable.ts";
import { refOf } from "./keys.ts";
import { type Item, text } from "./table.ts";

/** Says which execution it is and what to do. */
export function earlyHead(item: Item): Error {
  const { workspace, execution } = refOf(text(item, "pk")!);
  const found = item.turn === undefined ? "it has no fence" : "it has a turn and no fence";
  return new Unreadable(
    `the head of execution ${execution} in workspace ${workspace} was written by a build before the first release (${found}): ` +
      "deploy the version that wrote it, or delete this installation (npm run destroy) and deploy a new one",
  );
}
