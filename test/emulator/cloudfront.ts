/**
 * Plays CloudFront with the distribution of the template: its behaviours choose the origin, its policies set the headers.
 * The files of the bucket are read from a folder, and API Gateway is at the address of a deployment.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type { Template } from "aws-cdk-lib/assertions";
import { forward } from "../support/forward.ts";

interface Behavior {
  readonly PathPattern?: string;
  readonly TargetOriginId: string;
  readonly AllowedMethods?: readonly string[];
  readonly ResponseHeadersPolicyId?: { readonly Ref: string };
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

export interface PlayedDistribution {
  readonly url: string;
  close(): Promise<void>;
}

export async function playCloudFront(o: {
  readonly template: Template;
  readonly files: string;
  readonly apiUrl: string;
}): Promise<PlayedDistribution> {
  const [found] = Object.values(o.template.findResources("AWS::CloudFront::Distribution"));
  const config = found?.Properties.DistributionConfig;
  const policies = o.template.findResources("AWS::CloudFront::ResponseHeadersPolicy");
  const behaviors: readonly Behavior[] = [...config.CacheBehaviors, config.DefaultCacheBehavior];
  const isApi = new Set<string>(
    config.Origins.filter((origin: { CustomOriginConfig?: unknown }) => origin.CustomOriginConfig).map(
      ({ Id }: { Id: string }) => Id,
    ),
  );
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const target = request.url ?? "/";
    const [name = "/"] = target.split("?");
    const behavior = behaviors.find(({ PathPattern }) => PathPattern === undefined || matches(PathPattern, name))!;
    if (!(behavior.AllowedMethods ?? ["GET", "HEAD"]).includes(request.method ?? "")) {
      response.writeHead(403).end("This distribution is not configured to allow the HTTP request method.");
      return;
    }
    const headers = headersOf(policies[behavior.ResponseHeadersPolicyId?.Ref ?? ""]);
    if (isApi.has(behavior.TargetOriginId))
      await forward(o.apiUrl + target, request, response, { drop: ["host"], added: headers });
    else await file(o.files, name === "/" ? `/${config.DefaultRootObject}` : name, response, headers);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `*` is any text in a pattern of CloudFront. */
const matches = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(name);

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON of many shapes
function headersOf(policy: any): Record<string, string> {
  if (policy === undefined) return {};
  const { SecurityHeadersConfig, CustomHeadersConfig } = policy.Properties.ResponseHeadersPolicyConfig;
  return {
    "content-security-policy": SecurityHeadersConfig.ContentSecurityPolicy.ContentSecurityPolicy,
    "x-content-type-options": "nosniff",
    "referrer-policy": SecurityHeadersConfig.ReferrerPolicy.ReferrerPolicy,
    ...Object.fromEntries(
      CustomHeadersConfig.Items.map(({ Header, Value }: { Header: string; Value: string }) => [Header, Value]),
    ),
  };
}

/** S3 answers 403 for a missing object to a reader that may not list the bucket. */
async function file(folder: string, name: string, response: ServerResponse, headers: Record<string, string>) {
  const found = path.join(folder, path.normalize(name));
  if (!existsSync(found) || !statSync(found).isFile()) {
    response.writeHead(403, { ...headers, "content-type": "application/xml" }).end("<Code>AccessDenied</Code>");
    return;
  }
  const type = TYPES[path.extname(found)] ?? "application/octet-stream";
  response.writeHead(200, { ...headers, "content-type": type });
  await pipeline(createReadStream(found), response);
}
