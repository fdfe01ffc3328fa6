/** The default log of a worker: lines of text on a terminal, JSON elsewhere. */
import type { Log } from "../runtime/log.ts";

export function consoleLog(json = !process.stderr.isTTY): Log {
  const line = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    const extras = fields ? plain(fields) : undefined;
    const text = json
      ? JSON.stringify({ time: new Date().toISOString(), level, message, ...extras })
      : `${new Date().toISOString().slice(11, 23)} ${level.padEnd(5)} ${message}${extras ? ` ${JSON.stringify(extras)}` : ""}`;
    process.stderr.write(`${text}\n`);
  };
  return { debug: () => {}, info: line("info"), warn: line("warn"), error: line("error") };
}

function plain(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
  );
}
