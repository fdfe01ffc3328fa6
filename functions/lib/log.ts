/** Structured logs: one JSON object a line, with the id of the invocation; the API adds the id of the request. */
import { Logger } from "@aws-lambda-powertools/logger";
import type { LogLevel } from "@aws-lambda-powertools/logger/types";
import { ENV } from "../../shared/aws/names.ts";
import type { Log } from "../../shared/ports.ts";

const LEVELS = ["info", "warn", "error"];
const wanted = (process.env[ENV.logLevel] ?? "info").toLowerCase();

export const logger = new Logger({
  serviceName: process.env[ENV.installation] || "sirocco",
  logLevel: (LEVELS.includes(wanted) ? wanted : "info").toUpperCase() as LogLevel,
});

const extras = (fields?: Record<string, unknown>) => {
  const { error, ...rest } = fields ?? {};
  return {
    ...rest,
    ...(error === undefined ? {} : { error: error instanceof Error ? error : new Error(String(error)) }),
  };
};

export const log: Log = {
  info: (message, fields) => logger.info(message, extras(fields)),
  warn: (message, fields) => logger.warn(message, extras(fields)),
  error: (message, fields) => logger.error(message, extras(fields)),
};
