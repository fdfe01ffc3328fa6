/** Puts the bundled functions and the built console into the package of the CDK stack. */
import { fileURLToPath } from "node:url";
import { bundle } from "../functions/build/bundle.ts";
import { copyConsole } from "./console.ts";

const ASSETS = fileURLToPath(new URL("../cdk/dist/assets", import.meta.url));

await bundle({ out: `${ASSETS}/functions` });
copyConsole(`${ASSETS}/console`);
