/** The check of an input, loaded at its first use: it brings the JSON Schema validator along. */
import { lazy } from "../lib/lazy.ts";

const schemaCheck = lazy(() => import("./schema-check.ts"));

export const inputProblems: typeof import("./schema-check.ts")["inputProblems"] = async (...args) =>
  (await schemaCheck()).inputProblems(...args);
