/** esbuild plugins for our own schemas: what only describes them is left out of bundles, or done when they are made. */
import path from "node:path";
import type { Plugin } from "esbuild";
import { openapiDocument } from "../../shared/protocol/openapi.ts";

const smallZod: Plugin = {
  name: "small-zod",
  setup({ onResolve }) {
    onResolve({ filter: /^zod$/ }, () => ({ path: path.join(import.meta.dirname, "strip-zod.ts") }));
  },
};

/** The OpenAPI document follows from the routes table alone: a bundle carries the document, not what makes it. */
const finishedDocument: Plugin = {
  name: "finished-document",
  setup({ onLoad }) {
    onLoad({ filter: /\/shared\/protocol\/openapi\.ts$/ }, () => ({
      contents: `const document = ${JSON.stringify(openapiDocument({ version: "" }))};
        export const openapiDocument = ({ version, serverUrl = "/" }) =>
          ({ ...document, info: { ...document.info, version }, servers: [{ url: serverUrl }] });`,
    }));
  },
};

export const forSchemas: readonly Plugin[] = [smallZod, finishedDocument];
