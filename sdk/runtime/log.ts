/** Where the runtime and the code of users log to. `fields` are structured extras. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

type Write = (level: keyof Log, message: string, fields?: Record<string, unknown>) => void;

/** Every line carries `ids`, under the caller's own fields; `also` is given the line with those alone. */
export function logWith(log: Log, ids: Readonly<Record<string, unknown>>, also?: Write): Log {
  const line = (level: keyof Log) => (message: string, fields?: Record<string, unknown>) => {
    log[level](message, { ...ids, ...fields });
    also?.(level, message, fields);
  };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}
