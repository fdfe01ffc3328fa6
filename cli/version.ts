/** The server, the SDK and the command are released together. */
export { VERSION } from "../shared/protocol/version.ts";
