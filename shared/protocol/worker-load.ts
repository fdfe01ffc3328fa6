/** What a worker says of its process in each heartbeat. */
import * as z from "zod";

/** `cpu`: cores that its process used on average since the heartbeat before. `memory_bytes`: its resident memory. */
export const WorkerLoad = z
  .object({
    /** Attempts of activities that run, and how many may run at a time. */
    activities: z.int().min(0),
    activity_slots: z.int().min(1),
    /** Executions that are being advanced, and how many may be at a time. */
    workflow_tasks: z.int().min(0),
    workflow_slots: z.int().min(1),
    /** Executions that it keeps in memory. */
    cached: z.int().min(0),
    cpu: z.number().min(0),
    memory_bytes: z.int().min(0),
  })
  .meta({ id: "WorkerLoad" });
export type WorkerLoad = z.infer<typeof WorkerLoad>;
