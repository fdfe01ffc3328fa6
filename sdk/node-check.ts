/**
 * The entries of the package import this file first: an older Node says what it lacks in one sentence, not as a
 * `TypeError` of the first function that it does not have. The build keeps modules that an older Node could not link
 * behind this check (`packaging/later-builtins.ts`).
 */
import process from "node:process";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  throw new Error(
    `@sirocco/sdk needs Node.js 22.18 or later, and this is ${process.version}: install Node.js 24 from https://nodejs.org and run the program again.`,
  );
}
