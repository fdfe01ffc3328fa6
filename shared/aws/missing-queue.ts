/** Whether an error of SQS says that there is no such queue. */
import { QueueDoesNotExist } from "@aws-sdk/client-sqs";

export const isMissing = (error: unknown): boolean =>
  error instanceof QueueDoesNotExist || /QueueDoesNotExist|NonExistentQueue/.test((error as Error)?.name ?? "");
