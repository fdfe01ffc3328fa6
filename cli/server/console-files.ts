/** Serves the console: the built files of `console/`, with the headers of CONSOLE-1 and CONSOLE-2. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { extname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { CACHED_FOR_EVER, NOT_CACHED, PAGE_HEADERS } from "../../shared/protocol/page-headers.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".map": "application/json",
  ".txt": "text/plain; charset=utf-8",
};

const PREFIX = "/console";

interface File {
  readonly body: Buffer;
  readonly zipped: Buffer;
  readonly type: string;
  readonly etag: string;
}

export interface ConsoleAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer | string;
}

export class ConsoleFiles {
  readonly #folder: string;
  /** By path below the folder. Read at the first request, so that the server starts no later. */
  readonly #files = new Map<string, File>();
  #names: ReadonlySet<string> | undefined;

  /** `folder`: the built files. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The answer to a request for the console; null: the request is not for it. */
  answer(method: string, target: string, headers: IncomingHttpHeaders): ConsoleAnswer | null {
    if (!target.startsWith(PREFIX)) return null;
    const path = target.split("?")[0] ?? "";
    if (path !== PREFIX && !path.startsWith(`${PREFIX}/`)) return null;
    if (method !== "GET" && method !== "HEAD") return text(405, "The console is only read.", { allow: "GET, HEAD" });
    if (path === PREFIX) return { ...text(308, ""), headers: { ...PAGE_HEADERS, location: "console/" } };
    const file = this.#file(path.slice(PREFIX.length + 1) || "index.html");
    if (file === "not built") return text(404, "The console is not built. Build it with: npm run build:console\n");
    if (file === undefined) return text(404, "The console has no such file.\n");
    const caching = path.startsWith(`${PREFIX}/assets/`) ? CACHED_FOR_EVER : NOT_CACHED;
    const common = { ...PAGE_HEADERS, etag: file.etag, "cache-control": caching, vary: "accept-encoding" };
    if (headers["if-none-match"] === file.etag) return { status: 304, headers: common, body: "" };
    const zips = takesGzip(headers) && file.zipped.length < file.body.length;
    const body = zips ? file.zipped : file.body;
    return {
      status: 200,
      headers: {
        ...common,
        "content-type": file.type,
        "content-length": String(body.length),
        ...(zips && { "content-encoding": "gzip" }),
      },
      body: method === "HEAD" ? "" : body,
    };
  }

  #file(name: string): File | "not built" | undefined {
    const known = this.#files.get(name);
    if (known) return known;
    // Only names that the folder lists are read, so no path leads out of it.
    if (!this.#names?.has(name)) this.#names = this.#list();
    if (this.#names.size === 0) return "not built";
    if (!this.#names.has(name)) return undefined;
    const body = readFileSync(join(this.#folder, name));
    const file = {
      body,
      zipped: gzipSync(body),
      type: TYPES[extname(name)] ?? "application/octet-stream",
      etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`,
    };
    if (name !== "index.html") this.#files.set(name, file); // a new build replaces the page while the server runs
    return file;
  }

  #list(): ReadonlySet<string> {
    if (!existsSync(join(this.#folder, "index.html"))) return new Set();
    const entries = readdirSync(this.#folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    return new Set(files.map((file) => relative(this.#folder, file).replaceAll("\\", "/")));
  }
}

/** `gzip;q=0` is a refusal. */
const takesGzip = (headers: IncomingHttpHeaders): boolean =>
  /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(String(headers["accept-encoding"] ?? ""));

function text(status: number, body: string, more: Record<string, string> = {}): ConsoleAnswer {
  return {
    status,
    headers: {
      ...PAGE_HEADERS,
      "content-type": "text/plain; charset=utf-8",
      "content-length": String(Buffer.byteLength(body)),
      "cache-control": "no-store",
      ...more,
    },
    body,
  };
}
