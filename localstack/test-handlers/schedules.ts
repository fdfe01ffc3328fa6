// Creates a schedule of EventBridge Scheduler as the real handler does: group, role, target and dead-letter queue from the environment.
import { CreateScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { ENV, env, json, outcomeOf, type RestEvent } from "./probe.ts";

const scheduler = new SchedulerClient();

const create = (GroupName: string, { id, at }: { id: string; at: string }) =>
  scheduler.send(
    new CreateScheduleCommand({
      Name: id,
      GroupName,
      ScheduleExpression: `at(${at})`,
      FlexibleTimeWindow: { Mode: "OFF" },
      ActionAfterCompletion: "DELETE",
      Target: {
        Arn: env(ENV.scheduleQueueArn),
        RoleArn: env(ENV.scheduleRoleArn),
        DeadLetterConfig: { Arn: env(ENV.scheduleDeadLettersArn) },
        Input: JSON.stringify({ kind: "wake", id }),
      },
    }),
  );

export const handler = async ({ body }: RestEvent) => {
  const wanted = JSON.parse(body ?? "{}") as { id: string; at: string };
  return json(201, {
    armed: await outcomeOf(create(env(ENV.scheduleGroup), wanted)),
    armedElsewhere: await outcomeOf(create("default", wanted)),
  });
};
