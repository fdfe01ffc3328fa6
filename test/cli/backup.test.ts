/** `sirocco backup` of a server that works, and `sirocco restore`. */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { cli, devServers, temporaryDirectory } from "./support.ts";

const servers = devServers();
const started = (data: string) => servers.started(["--data", data]);
let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory.remove());
const path = (name: string) => join(directory.path, name);

test("a server that was restored from a backup has the keys of that moment, and none that came later", async () => {
  const first = await started(path("first"));
  const made = async (name: string) => {
    const ran = await cli(["key", "create", name, "--rights", "read"], { env: first.env });
    expect(ran.code).toBe(0);
  };
  await made("before");
  const backup = await cli(["backup", path("copy"), "--json"], { env: first.env });
  expect([backup.err, backup.code]).toEqual(["", 0]);
  expect(JSON.parse(backup.out)).toEqual({ file: path("copy"), bytes: statSync(path("copy")).size });
  expect(statSync(path("copy")).mode & 0o777).toBe(0o600);
  await made("after");
  await first.process.end();

  const restored = await cli(["restore", path("copy"), "--data", path("second")]);
  expect([restored.code, restored.err]).toEqual([0, expect.stringMatching(/sirocco dev --data .*\n.*a new one/)]);
  const second = await started(path("second"));
  const keys = JSON.parse((await cli(["key", "list", "--json"], { env: second.env })).out).keys as { name: string }[];
  expect(keys.map(({ name }) => name).sort()).toEqual(["before", "dev"]);
  expect(second.key).not.toBe(first.key);
});

test("a backup never replaces a file unless it is told to, needs the right admin, and leaves no part of itself", async () => {
  const { env, process } = await started(path("rights"));
  writeFileSync(path("mine"), "mine");
  const refused = await cli(["backup", path("mine")], { env });
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--force")]);
  expect(readFileSync(path("mine"), "utf8")).toBe("mine");
  const forced = await cli(["backup", path("mine"), "--force"], { env });
  expect([forced.code, forced.out]).toEqual([0, expect.stringMatching(/^mine has a copy of the data, \d+\.\d MB$/)]);

  const directoryInstead = await cli(["backup", directory.path, "--force"], { env });
  expect([directoryInstead.code, directoryInstead.err]).toEqual([
    2,
    expect.stringContaining("is a directory or a device"),
  ]);

  const key = await cli(["key", "create", "operator", "--rights", "operate,work", "--json"], { env });
  const other = { ...env, SIROCCO_API_KEY: JSON.parse(key.out).key as string };
  const forbidden = await cli(["backup", path("stolen")], { env: other });
  expect([forbidden.code, forbidden.err]).toEqual([1, expect.stringContaining("needs the right 'admin'")]);
  const nowhere = await cli(["backup", path("no/folder/copy")], { env });
  expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("cannot be written")]);
  expect(existsSync(path("stolen"))).toBe(false);
  const left = () =>
    [...readdirSync(directory.path), ...readdirSync(path("rights"))].filter((name) => /unfinished|tmp/.test(name));
  // The server notices by and by that a caller has gone.
  await vi.waitFor(() => expect(left()).toEqual([]), { timeout: 30_000, interval: 50 });
  await process.end();
});

test("what a killed server left of a backup goes at its next start", async () => {
  const first = await started(path("left"));
  await first.process.end("SIGKILL");
  writeFileSync(path("left/backup-0123.tmp"), "x");
  writeFileSync(path("left/backup-0123.tmp-wal"), "x");
  await started(path("left"));
  expect(readdirSync(path("left")).filter((name) => name.startsWith("backup-"))).toEqual([]);
});

test("restore refuses a file that is no backup, and a directory that has data, and changes neither", async () => {
  const { env, process } = await started(path("refused"));
  await cli(["backup", path("good")], { env });
  await process.end();
  writeFileSync(path("text"), "this is no database at all ".repeat(100));
  const text = await cli(["restore", path("text"), "--data", path("empty")]);
  expect([text.code, text.err]).toEqual([1, expect.stringContaining("not a database")]);
  expect(existsSync(path("empty"))).toBe(false);

  copyFileSync(path("good"), path("damaged"));
  const bytes = readFileSync(path("damaged"));
  bytes.fill(255, 4_096, 12_288);
  writeFileSync(path("damaged"), bytes);
  const damaged = await cli(["restore", path("damaged"), "--data", path("empty")]);
  expect([damaged.code, damaged.err]).toEqual([1, expect.stringMatching(/damaged|malformed/)]);
  expect(existsSync(path("empty"))).toBe(false);

  const missing = await cli(["restore", path("nothing"), "--data", path("empty")]);
  expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("there is no such file")]);

  const before = readFileSync(path("refused/sirocco.db"));
  const occupied = await cli(["restore", path("good"), "--data", path("refused")]);
  expect([occupied.code, occupied.err]).toEqual([1, expect.stringContaining("has data already")]);
  expect(readFileSync(path("refused/sirocco.db")).equals(before)).toBe(true);
});
