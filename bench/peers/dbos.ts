/** DBOS: an application process with PostgreSQL in its default, durable settings (`fsync` and `synchronous_commit` on). */
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { install } from "./install.ts";
import { accepts, freePort, launch, type Peer } from "./peer.ts";

export const dbos: Peer = {
  name: "DBOS",
  async start(folder) {
    const { file, version } = install("dbos");
    const programs = postgresPrograms();
    const user = postgresUser();
    if (user) chownSync(folder, user.uid, user.gid);
    const data = join(folder, "data");
    const [port, http] = [await freePort(), await freePort()];
    execFileSync(join(programs, "initdb"), ["-A", "trust", "-U", "postgres", "-D", data], { stdio: "pipe", ...user });
    const postgres = await launch(
      join(programs, "postgres"),
      ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"],
      { ready: () => accepts(port), ...user },
    );
    const app = await launch(process.execPath, [file("app.mjs")], {
      env: { PORT: String(http), DATABASE: `postgresql://postgres@127.0.0.1:${port}/bench` },
      ready: () => accepts(http),
    });
    const postgresVersion = execFileSync(join(programs, "postgres"), ["--version"], { encoding: "utf8" });
    return {
      version: `${version("@dbos-inc/dbos-sdk")}, PostgreSQL ${/[\d.]+/.exec(postgresVersion)?.[0]}`,
      processes: { postgres: postgres.pid, application: app.pid },
      request: (steps) => ({ port: http, path: "/sequence", body: steps }),
      async stop() {
        await app.stop("SIGKILL");
        await postgres.stop("SIGQUIT");
      },
    };
  },
};

/** The folder of PostgreSQL's programs. Debian keeps `postgres` and `initdb` out of the PATH, in a folder for each version. */
function postgresPrograms(): string {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...versions.map((each) => join(debian, each, "bin"))];
  const found = folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
  if (!found)
    throw new Error(
      "DBOS needs PostgreSQL: install the package of your system (postgresql), or leave DBOS out with --peers",
    );
  return found;
}

/** PostgreSQL does not run as root: another user then owns its processes and files. */
function postgresUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error("PostgreSQL does not run as root, and this system has neither a user postgres nor nobody");
}
