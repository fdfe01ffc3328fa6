import { ENV, writeItem } from "./probe.ts";

export const handler = async ({ time }: { time: string }) => {
  await writeItem(ENV.schedulesTable, "swept", time);
};
