import { expect, test } from "vitest";
import * as z from "zod";
import { isSlow } from "./slow-pattern.ts";

test.each([
  "^(a+)+$",
  "^(a|a)*$",
  "^(a|aa)+$",
  "^order-(a+)+$",
  "^x(\\d+)*y$",
  "(\\w+\\s?)+$",
  "^([a-z]+)*@example$",
  "^(?:(?:ab)+)+$",
  "^(?=(a+)+$)",
  "^(é+)+$",
])("%s backtracks exponentially", (pattern) => {
  expect(isSlow(pattern)).toBe(true);
});

const zods = {
  email: z.email(),
  uuid: z.uuid(),
  url: z.httpUrl(),
  date: z.iso.date(),
  datetime: z.iso.datetime({ offset: true, local: true }),
  time: z.iso.time(),
  duration: z.iso.duration(),
  hostname: z.hostname(),
  ipv4: z.ipv4(),
  ipv6: z.ipv6(),
  cidr: z.cidrv6(),
  base64: z.base64(),
  e164: z.e164(),
  ulid: z.ulid(),
  emoji: z.emoji(),
};
test.each(Object.entries(zods))("the patterns that zod makes for %s are not slow", (_name, schema) => {
  const { pattern } = z.toJSONSchema(schema) as { pattern?: string };
  if (pattern !== undefined) expect(isSlow(pattern)).toBe(false);
});

test.each([
  "^[a-z0-9]+(?:-[a-z0-9]+)*$",
  "^[A-Z]{3}-\\d{4}$",
  "^\\s+|\\s+$",
  "^.*foo.*bar.*$",
  "^(\\d{1,3}\\.){3}\\d{1,3}$",
  "^([^,]*,){2}[^,]*$",
  "^\\p{L}+(?: \\p{L}+)*$",
])("%s is not slow", (pattern) => {
  expect(isSlow(pattern)).toBe(false);
});
