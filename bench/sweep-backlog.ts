/**
 * What a round of the sweeper reads beside a backlog, counted over the emulator's tables:
 *
 *   node bench/sweep-backlog.ts [--entries 100000] [--rounds 2]
 *
 * The backlog are overdue executions of a deployment without workers. Before each round some executions of a living deployment become
 * due. The emulator sorts the whole shard for each query, so a round has more time here than on AWS: units are the figure, not
 * seconds.
 */
import { parseArgs } from "node:util";
import { install } from "../test/aws/account.ts";
import { countedRound, fillBacklog } from "../test/aws/backlog.ts";

const { values } = parseArgs({
  options: { entries: { type: "string", default: "100000" }, rounds: { type: "string", default: "2" } },
});
const on = await install({ feed: false });
try {
  await fillBacklog(on, Number(values.entries));
  console.log(`${values.entries} overdue executions`);
  for (let round = 1; round <= Number(values.rounds); round++) {
    const began = Date.now();
    const { missed, unitsUntilAlive, units, queries, looked } = await countedRound(on, 3_600_000);
    console.log(
      `round ${round}: ${missed} of 20 missed; read units until the last of them ${unitsUntilAlive}, in all ${units}; ` +
        `${queries} queries, ${looked} entries, ${Math.round((Date.now() - began) / 1000)} s`,
    );
  }
} finally {
  await on.end();
}
