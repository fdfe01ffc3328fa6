/**
 * esbuild plugins that leave parts of the AWS SDK out of bundles which a Lambda does not need. Each says why. A part that
 * is needed after all fails the build or throws an error with its name, and the tests on the emulator run these bundles.
 * Each replaced path is a private file of the SDK: another release of the SDK may move it, and the bundle grows again.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Plugin, PluginBuild } from "esbuild";

/**
 * Lambda puts a function's credentials into its environment. The SDK's default looks in seven more places (profiles, SSO,
 * instance metadata …), which a Lambda does not have and whose code is a quarter of each bundle.
 */
const credentialsFromEnvironment: Plugin = {
  name: "credentials-from-environment",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, ({ path: name, resolveDir }) => ({
      path: name,
      namespace: "lambda",
      pluginData: resolveDir,
    }));
    onLoad({ filter: /.*/, namespace: "lambda" }, ({ pluginData: resolveDir }) => ({
      contents: 'export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";',
      resolveDir,
    }));
  },
};

const absent = (name: string, why: string) =>
  `export class ${name} { constructor() { throw new Error(${JSON.stringify(`${name} is not part of this bundle: ${why}`)}); } }`;

/** Files of the SDK, by the end of their path, each with the code that replaces it. */
const REPLACED: Readonly<Record<string, string>> = {
  // Hashes in JavaScript, for a Node without OpenSSL.
  "checksum/sha256/Sha256Js.js": absent("Sha256Js", "Node has SHA-256"),
  "checksum/md5/Md5Js.js": absent("Md5Js", "Node has MD5"),
  // Endpoint discovery of DynamoDB: no command of the client uses it any more, only its configuration is left.
  "middleware-endpoint-discovery/dist-es/resolveEndpointDiscoveryConfig.js":
    "export const resolveEndpointDiscoveryConfig = (config) => config;",
  // `~/.aws/config` and `credentials`: a Lambda has no home folder. Settings outside the environment have their default.
  "config/shared-ini-file-loader/loadSharedConfigFiles.js":
    "export const loadSharedConfigFiles = async () => ({ configFile: {}, credentialsFile: {} });",
  // The region of an EC2 machine. Lambda sets `AWS_REGION`. Without it the SDK reports that the region is missing.
  "config/config-resolver/regionConfig/getInstanceMetadataRegion.js":
    "export const getInstanceMetadataRegion = async () => undefined;",
  // Only for `AWS_RETRY_MODE=adaptive`, which slows down all calls because one item is throttled.
  "retry/util-retry/DefaultRateLimiter.js": absent("DefaultRateLimiter", "its clients retry in standard mode"),
};

const withoutTheUnused: Plugin = {
  name: "without-the-unused",
  setup({ onLoad }) {
    const ends = Object.keys(REPLACED).map((end) => end.replaceAll(".", "\\."));
    onLoad({ filter: new RegExp(`/(?:@aws-sdk|@smithy)/(?:.*/)?(?:${ends.join("|")})$`) }, ({ path: file }) => {
      const end = Object.keys(REPLACED).find((one) => file.endsWith(one))!;
      return { contents: REPLACED[end]! };
    });
    // A client imports its package.json for its version. The rest is names of scripts and packages.
    onLoad({ filter: /@aws-sdk\/client-[^/]+\/package\.json$/ }, async ({ path: file }) => {
      const { version } = JSON.parse(await readFile(file, "utf8")) as { version: string };
      return { contents: JSON.stringify({ version }), loader: "json" };
    });
  },
};

/**
 * A client has a class for each error of its service. Bundles keep the classes below. The client throws any other error as
 * the service's base class, with its name, message and status, and retries it as before. Without its class the fields of
 * an error are not decoded, and an SQS error has the name of the older protocol (`QueueAlreadyExists` for
 * `QueueNameExists`).
 */
const NEEDED = new Set([
  // Their fields are items.
  "ConditionalCheckFailedException",
  "TransactionCanceledException",
  "QueueDoesNotExist",
  // The client retries it because of a mark on its class. `strip-aws-sdk.test.ts` finds any other such class.
  "ReplicatedWriteConflictException",
]);
/** A schema and its registration. */
const ERROR = /^export var (\w+)\$ = \[-3,[^;]*;\n\w+_registry\.registerError\(\1\$, \1\);$/gm;
const SCHEMAS = /@aws-sdk\/client-(?:dynamodb|sqs)\/dist-es\/schemas\/schemas_0\.js$/;

function withFewErrors(file: string, text: string): string {
  if (!SCHEMAS.test(file)) return text;
  // The service exception is the base class of all of them.
  return text.replace(ERROR, (line, name: string) =>
    NEEDED.has(name) || name.endsWith("ServiceException") ? line : "",
  );
}

const SDK = /node_modules\/(?:@aws-sdk|@smithy)\/[^/]+\/dist-es\/.*\.js$/;
const IMPORT = /^import \{([^}]*)\} from "([^"]+)";$/gm;
const RE_EXPORT = /^export \{([^}]*)\} from "([^"]+)";$/gm;
const RE_EXPORT_ALL = /^export \* from "([^"]+)";$/gm;
const EXPORT = /^export (?:async )?(?:class|const|let|var|function\*?) (\w+)/gm;
const EXPORT_LIST = /^export \{([^}]*)\};$/gm;

/** The file that defines a name, and the name there. */
interface Origin {
  readonly file: string;
  readonly name: string;
}
type Origins = ReadonlyMap<string, Origin>;

/**
 * The SDK's modules import from index files, such as `@smithy/core/protocols`. esbuild puts a file into the static part of
 * every entry that can reach it, and an index file reaches everything: code for S3 alone (XML, streams, checksums) would
 * load with DynamoDB. So this plugin points each import at the file that defines the name.
 */
const throughIndexFiles: Plugin = {
  name: "through-index-files",
  setup(build) {
    const known = new Map<string, Promise<Origins>>();
    function originsIn(file: string): Promise<Origins> {
      const origins = known.get(file) ?? readOrigins(build, file, originsIn);
      known.set(file, origins);
      return origins;
    }
    async function straight(importer: string, list: string, from: string): Promise<string> {
      const file = await resolved(build, importer, from);
      const origins = file && SDK.test(file) ? await originsIn(file) : undefined;
      return namesIn(list)
        .map(({ name, as }) => {
          const origin = origins?.get(name) ?? { file: from, name };
          // An index file that defines names itself is loaded without its re-exports.
          const own = origin.file === file && isIndex(file) ? `${file}?own` : origin.file;
          return `import { ${origin.name} as ${as} } from ${JSON.stringify(own)};`;
        })
        .join(" ");
    }
    build.onLoad({ filter: SDK }, async ({ path: file, suffix }) => {
      const text = withFewErrors(file, await readFile(file, "utf8"));
      const imports = [...text.matchAll(IMPORT)];
      const straightened = await Promise.all(imports.map(([, list, from]) => straight(file, list!, from!)));
      let at = 0;
      const contents = text.replace(IMPORT, () => straightened[at++]!);
      if (suffix !== "?own") return { contents };
      return { contents: contents.replace(RE_EXPORT, "").replace(RE_EXPORT_ALL, "") };
    });
  },
};

const isIndex = (file: string): boolean => path.basename(file) === "index.js";

async function readOrigins(build: PluginBuild, file: string, originsIn: (file: string) => Promise<Origins>) {
  const text = await readFile(file, "utf8");
  const found = new Map<string, Origin>();
  for (const [, name] of text.matchAll(EXPORT)) found.set(name!, { file, name: name! });
  for (const [, list] of text.matchAll(EXPORT_LIST))
    for (const { as } of namesIn(list!)) found.set(as, { file, name: as });
  for (const [, list, from] of text.matchAll(RE_EXPORT)) {
    const next = await resolved(build, file, from!);
    if (!next) continue;
    const origins = SDK.test(next) ? await originsIn(next) : undefined;
    for (const { name, as } of namesIn(list!)) found.set(as, origins?.get(name) ?? { file: next, name });
  }
  for (const [, from] of text.matchAll(RE_EXPORT_ALL)) {
    const next = await resolved(build, file, from!);
    if (!next || !SDK.test(next)) continue;
    for (const [name, origin] of await originsIn(next)) if (!found.has(name)) found.set(name, origin);
  }
  return found;
}

function namesIn(list: string): { name: string; as: string }[] {
  const parts = list.split(",").map((part) => part.trim());
  return parts.filter(Boolean).map((part) => {
    const [name, as] = part.split(/\s+as\s+/);
    return { name: name!, as: as ?? name! };
  });
}

async function resolved(build: PluginBuild, importer: string, from: string): Promise<string | undefined> {
  const found = await build.resolve(from, { importer, resolveDir: path.dirname(importer), kind: "import-statement" });
  return found.external || found.errors.length > 0 ? undefined : found.path;
}

/** The order matters: the first plugin that handles a file supplies its content. */
export const forLambda: readonly Plugin[] = [credentialsFromEnvironment, withoutTheUnused, throughIndexFiles];
