#!/usr/bin/env node
// Plain JavaScript without imports, so that an older Node gets far enough to say what to do.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major >= 24 || (major === 22 && minor >= 18)) {
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2));
} else {
  console.error(
    `create-sirocco needs Node.js 24 or later, or 22.18 or later of the 22 line, and this is ${process.version}: install Node.js 24 from https://nodejs.org and run the command again.`,
  );
  process.exitCode = 2;
}
