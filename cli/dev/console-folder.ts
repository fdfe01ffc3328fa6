/** Where the built console is: `dist/console` of the published package, `console/dist` in the repository. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const places = ["./console/", "../console/", "../../console/dist/"].map((place) =>
  fileURLToPath(new URL(place, import.meta.url)),
);

export const CONSOLE_FOLDER: string =
  places.find((folder) => existsSync(`${folder}index.html`)) ?? (places.at(-1) as string);
