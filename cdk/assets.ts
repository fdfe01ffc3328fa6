/** The built functions and the built console: `dist/assets` of the package, `dist/functions` and `console/dist` in the repository. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

function found(places: readonly string[]): string {
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? (paths[0] as string);
}

export const FUNCTIONS_FOLDER: string = found(["./assets/functions", "../dist/functions"]);
export const CONSOLE_FOLDER: string = found(["./assets/console", "../console/dist"]);
