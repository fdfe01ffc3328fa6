/** esbuild plugins for our own schemas: bundles get a smaller zod, and a finished OpenAPI document. */
import path from "node:path";
import type { Plugin } from "esbuild";
import { openapiDocument } from "../../shared/protocol/openapi.ts";

const smallZod: Plugin = {
  name: "small-zod",
  setup({ onResolve }) {
    onResolve({ filter: /^zod$/ }, () => ({ path: path.join(import.meta.dirname, "strip-zod.ts") }));
  },
};

/** The OpenAPI document depends on the routes table alone: a bundle contains the document and not its generator. */
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
