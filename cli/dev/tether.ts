/**
 * Preloaded into a process whose standard input is a pipe from its parent. When the parent dies, even by SIGKILL, the pipe
 * ends, and this process sends SIGTERM to itself, or under Node's watch mode to the watcher.
 */
const watched = process.env.WATCH_REPORT_DEPENDENCIES !== undefined;

process.stdin.on("end", () => process.kill(watched ? process.ppid : process.pid, "SIGTERM"));
process.stdin.on("error", () => {});
process.stdin.resume();
(process.stdin as unknown as { unref?: () => void }).unref?.();
