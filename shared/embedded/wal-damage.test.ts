import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { temporaryDatabase } from "../../test/contract/embedded-subject.ts";
import { embedded } from "../server/embedded.ts";
import { FRAME_HEADER, HEADER } from "./wal-format.ts";

const FRAME = FRAME_HEADER + 4_096;

/** A process that commits 20 starts, one by one, and is killed: its log stays behind. */
const WRITER = `
  const { embedded } = await import(${JSON.stringify(new URL("../server/embedded.ts", import.meta.url).href)});
  const { headOf, newRef } = await import(${JSON.stringify(new URL("../../test/contract/subject.ts", import.meta.url).href)});
  const store = embedded({ file: process.argv[1] });
  for (let i = 0; i < 20; i++) {
    await store.executions.create(headOf(newRef(), 1), false);
    await store.durable();
  }
  process.kill(process.pid, "SIGKILL");
`;

function killedStore() {
  const made = temporaryDatabase();
  spawnSync(process.execPath, ["--input-type=module", "-e", WRITER, made.file], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    stdio: "inherit",
  });
  expect(statSync(`${made.file}-wal`).size).toBeGreaterThan(50_000);
  return made;
}

function overwrite(file: string, at: number) {
  const fd = openSync(file, "r+");
  writeSync(fd, Buffer.alloc(100, 0x55), 0, 100, at);
  closeSync(fd);
}

/** Where a frame begins that ends no commit: a commit whose last frame is damaged is not counted. */
function frameInTheMiddle(wal: string): number {
  const log = readFileSync(wal);
  let frame = Math.floor(log.length / FRAME / 2);
  while (log.readUInt32BE(HEADER + frame * FRAME + 4) !== 0) frame -= 1;
  return HEADER + frame * FRAME + 200;
}

function opened(file: string) {
  const error = vi.fn();
  const store = embedded({ file, log: { info: () => {}, warn: () => {}, error } });
  const { n } = store.database.one("SELECT COUNT(*) AS n FROM heads")!;
  const condition = store.condition!();
  store.close();
  return { error, executions: Number(n), condition };
}

test("a log that a killed process left is read whole, and nothing is told", () => {
  const { file, remove } = killedStore();
  const { error, executions, condition } = opened(file);
  expect(executions).toBe(20);
  expect(error).not.toHaveBeenCalled();
  expect(condition.setAside).toEqual([]);
  remove();
});

test("a log whose end was cut off by a crash is no damage", () => {
  const { file, remove } = killedStore();
  truncateSync(`${file}-wal`, statSync(`${file}-wal`).size - 6_000);
  const { error, executions } = opened(file);
  expect(executions).toBeLessThan(20);
  expect(error).not.toHaveBeenCalled();
  remove();
});

test("damage in the middle of the log is told with the number of commits that it costs, and the log is kept", () => {
  const { file, remove } = killedStore();
  const wal = `${file}-wal`;
  overwrite(wal, frameInTheMiddle(wal));
  copyFileSync(wal, `${file}-expected`);
  const { error, executions, condition } = opened(file);
  expect(executions).toBeGreaterThan(0);
  expect(executions).toBeLessThan(20);
  expect(error).toHaveBeenCalledWith(
    "startup: the write-ahead log is damaged, acknowledged writes are lost",
    expect.objectContaining({ commits: 20 - executions }),
  );
  expect(condition.setAside).toEqual([`${20 - executions} commits of the damaged log ${wal}.damaged`]);
  expect(readFileSync(`${wal}.damaged`)).toEqual(readFileSync(`${file}-expected`));
  expect(existsSync(wal)).toBe(false); // the clean close has emptied it
  remove();
});
