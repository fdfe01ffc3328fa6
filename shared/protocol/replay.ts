/**
 * What `sirocco replay` and the program of a worker say to each other. The command starts the program with two environment
 * variables and histories in files; the program replays them instead of working, and ends.
 */
import * as z from "zod";

/** Paths of the histories, separated as those of `PATH`. A history is `{events}`, with the `execution_id` where it is known. */
export const REPLAY_FILES = "SIROCCO_REPLAY";
/** Path of the file to which the program adds a line with a `ReplayResult` for each history. */
export const REPLAY_RESULTS = "SIROCCO_REPLAY_RESULTS";

/** What became of one history. */
export const ReplayResult = z.object({
  file: z.string(),
  /** How many events were replayed. */
  events: z.int(),
  /** Why the history does not fit the code, or was not replayed. Absent: it fits. */
  error: z.string().optional(),
  /** The first decision at which the code differs; absent where the error is of another kind. */
  divergence: z.object({ step: z.int(), event: z.int(), expected: z.string(), actual: z.string() }).optional(),
  /** The workflow of the history, where the program does not have it. */
  missing: z.string().optional(),
});
export type ReplayResult = z.infer<typeof ReplayResult>;
