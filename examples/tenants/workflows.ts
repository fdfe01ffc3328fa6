/** A schedule for each tenant: a workflow that is started when a tenant signs up makes the tenant's schedule, in the tenant's time zone. */
import { activity, workflow } from "@sirocco/sdk";
import * as z from "zod";

const Tenant = z.object({ tenant: z.string() });

export const send = activity({ name: "send-report", input: Tenant }, async ({ tenant }) =>
  console.log(`report for ${tenant}`),
);

export const report = workflow({ name: "tenant-report", input: Tenant, searchKeys: ["tenant"] }, async ({ tenant }) => {
  await send({ tenant });
  return { tenant };
});

/** The body of `POST /v1/workflows/schedules`. Its id follows from the tenant, so that a repeated sign-up makes no second one. */
export const scheduleOf = ({ tenant, zone, hour }: { tenant: string; zone: string; hour: number }) => ({
  id: `report-${tenant}`,
  input: { tenant },
  cron_expressions: [`0 ${hour} * * 1-5`],
  time_zone_name: zone,
  jitter: "PT10M", // not all tenants at the same second
});
