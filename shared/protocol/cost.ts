/**
 * What one execution has used of its store and its queues, kept with its head when it closes.
 *
 * COST-1. No count costs a write or a read of its own. Each write of a head carries a counter of its kind, and each batch
 *     carries running totals, as it carries the bytes of the log. The close adds them up, and the final head holds the sum.
 * COST-2. The counts follow from the protocol's calls and from the sizes of the items, so that it does not matter which
 *     process makes a call. Read units are the exception: a process adds those that it has used since its last batch.
 * COST-3. A chain has one sum: that of a run goes into the head of the run that continues it, or that a reset begins.
 */
import * as z from "zod";

export const ExecutionCost = z
  .object({
    /** Claims, batches and parks that workers sent, and the two calls around an attempt from the queue. Calls that travel together count one by one. */
    worker_calls: z.int(),
    /** Tasks that were put into queues. SQS bills three requests for each, or fewer where a worker receives several at once. */
    tasks: z.int(),
    /** On AWS: DynamoDB's units, with those of indexes. Null on one machine. */
    write_units: z.int().nullable(),
    read_units: z.number().nullable(),
    /** On one machine: calls that wrote, of which those that came together shared a commit. Null on AWS. */
    commits: z.int().nullable(),
    /** On one machine: of JSON in heads, runs and log, without indexes and whole pages. Null on AWS. */
    bytes_written: z.int().nullable(),
  })
  .meta({ id: "WorkflowExecutionCost" });
export type ExecutionCost = z.infer<typeof ExecutionCost>;
