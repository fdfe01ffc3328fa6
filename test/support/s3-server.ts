/** A store in memory that speaks as much of S3 as blobs need: put, get and head of objects, with any credentials. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface S3Server {
  readonly endpoint: string;
  /** Path, with the bucket first, to content. */
  readonly objects: Map<string, Buffer>;
  close(): Promise<void>;
}

export async function s3Server(): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const server = createServer(async (req, res) => {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const path = decodeURIComponent(new URL(req.url!, "http://s3").pathname);
    if (req.method === "PUT") {
      objects.set(path, Buffer.concat(parts));
      res.writeHead(200, { etag: '"1"' }).end();
      return;
    }
    const found = objects.get(path);
    const length = found
      ? { "content-length": found.length, "last-modified": new Date(0).toUTCString(), etag: '"1"' }
      : {};
    if (req.method === "HEAD") res.writeHead(found ? 200 : 404, length).end();
    else if (found) res.writeHead(200, length).end(found);
    else res.writeHead(404, { "content-type": "application/xml" }).end("<Error><Code>NoSuchKey</Code></Error>");
  });
  await new Promise<void>((ok) => server.listen(0, "127.0.0.1", ok));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    close: async () => {
      server.closeAllConnections();
      await new Promise((ok) => server.close(ok));
    },
  };
}
