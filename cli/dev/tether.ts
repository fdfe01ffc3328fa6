/**
 * Preloaded into a process whose standard input is a pipe from its parent: when the parent dies, however suddenly, the
 * pipe ends, and this process leaves as if it had been asked to. Under Node's watch mode it is the watcher that is told.
 */
const watched = process.env.WATCH_REPORT_DEPENDENCIES !== undefined;

process.stdin.on("end", () => process.kill(watched ? process.ppid : process.pid, "SIGTERM"));
process.stdin.on("error", () => {});
process.stdin.resume();
(process.stdin as unknown as { unref?: () => void }).unref?.();
