/**
 * Node links all modules of a program before it runs the first line. So a package that imports by name what an older Node
 * lacks fails there with a `SyntaxError`, before its check of the version can speak. This plugin takes such modules of
 * Node by `process.getBuiltinModule` instead, after the check.
 */
import { createRequire } from "node:module";
import type { Plugin } from "esbuild";

/** Modules, or exports of them, that are younger than Node 20. */
const LATER = ["node:sqlite", "node:zlib"];

/** `check`: absolute path of the module that throws under an older Node. */
export function laterBuiltins(check: string): Plugin {
  const require = createRequire(import.meta.url);
  return {
    name: "later-builtins",
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(?:${LATER.join("|")})$`) }, ({ path }) => ({ path, namespace: "later" }));
      build.onLoad({ filter: /.*/, namespace: "later" }, ({ path }) => {
        const names = Object.keys(require(path)).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name));
        const taken = `process.getBuiltinModule(${JSON.stringify(path)})`;
        return {
          contents: `import ${JSON.stringify(check)};\nimport process from "node:process";\nexport const { ${names.join(", ")} } = ${taken};\n`,
          resolveDir: import.meta.dirname,
        };
      });
    },
  };
}
