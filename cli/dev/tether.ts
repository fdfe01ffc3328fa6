/**
 * Preloaded into a process whose standard input is a pipe from its parent. When the parent dies, even by SIGKILL, the pipe
 * ends, and this process sends SIGTERM to itself.
 */
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
process.stdin.on("error", () => {});
process.stdin.resume();
(process.stdin as unknown as { unref?: () => void }).unref?.();
