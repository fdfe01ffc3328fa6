import { ENV, leave } from "./probe.ts";

export const handler = async ({ time }: { time: string }) => {
  await leave(ENV.schedulesTable, "swept", time);
};
