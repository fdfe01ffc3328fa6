/** Merges shards, each ordered by start, into one order: by start, then by run id. */
import type { Place } from "../lib/page-token.ts";
import type { Item } from "./table.ts";

export interface Candidate {
  readonly item: Item;
  readonly place: Place;
}
type Order = "asc" | "desc";

export async function* inStartOrder(
  shards: readonly AsyncGenerator<Candidate[]>[],
  order: Order,
): AsyncGenerator<Candidate> {
  const sign = order === "asc" ? 1 : -1;
  const streams = shards.map((pages) => grouped(pages, sign));
  try {
    const heads = await Promise.all(streams.map((s) => s.next()));
    for (;;) {
      let best = -1;
      for (const [i, head] of heads.entries()) {
        if (head.done) continue;
        const leader = heads[best];
        if (!leader || leader.done || compare(head.value.place, leader.value.place) * sign < 0) best = i;
      }
      const taken = heads[best];
      if (!taken || taken.done) return;
      yield taken.value;
      heads[best] = await streams[best]!.next();
    }
  } finally {
    await Promise.all(streams.map((s) => s.return(undefined)));
  }
}

/** Entries with the same start have no order in the index: this orders them by run id. */
async function* grouped(pages: AsyncGenerator<Candidate[]>, sign: number): AsyncGenerator<Candidate> {
  let group: Candidate[] = [];
  for await (const page of pages) {
    for (const candidate of page) {
      if (group[0] && group[0].place[0] !== candidate.place[0]) {
        yield* group.sort((a, b) => compare(a.place, b.place) * sign);
        group = [];
      }
      group.push(candidate);
    }
  }
  yield* group.sort((a, b) => compare(a.place, b.place) * sign);
}

export const compare = (a: Place, b: Place): number => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);
