/** The module of the thread in which long checks of inputs run. */
import { serveAside } from "../lib/aside.ts";
import { type AsideCheck, problemsByText } from "./schema-check.ts";

serveAside((check: AsideCheck) => problemsByText(check));
