/** The two ways to the keys of a workspace: through its server with an admin key, or through the table on AWS. */
import type { KeyResponse } from "../../../shared/protocol/http/keys.ts";
import type { Right } from "../../../shared/protocol/rights.ts";
import { apiOf } from "../../api.ts";
import { CliError, EXIT, usage } from "../../errors.ts";
import type { Io } from "../../io.ts";
import { type OperatorFlags, operatorOf } from "../../operator.ts";
import { targetFlags } from "../../target.ts";

export interface WantedKey {
  readonly name: string;
  readonly rights: readonly Right[];
  readonly deployments: readonly string[];
  readonly expiresInSeconds: number | undefined;
}

export interface KeyStore {
  list(): Promise<readonly KeyResponse[]>;
  create(wanted: WantedKey): Promise<KeyResponse & { readonly key: string }>;
  revoke(id: string): Promise<void>;
}

export const storeFlags = {
  ...targetFlags,
  table: {
    type: "string",
    value: "NAME",
    help: "on AWS: use the stack's registry table, with AWS credentials instead of an API key",
  },
  region: { type: "string", value: "REGION", help: "with --table; default: AWS_REGION" },
  workspace: { type: "string", value: "ID", help: "with --table: `default` or a UUID; default: default" },
} as const;

type Flags = OperatorFlags & { readonly url: string | undefined; readonly key: string | undefined };

export async function storeOf(flags: Flags, io: Io): Promise<KeyStore> {
  if (flags.table !== undefined) return tableStore(flags.table, flags);
  for (const name of ["region", "workspace"] as const)
    if (flags[name] !== undefined) throw usage(`--${name} needs --table: an API key belongs to one workspace.`);
  const api = apiOf(flags, io);
  return {
    list: async () => (await api.call("listKeys")).keys,
    create: ({ name, rights, deployments, expiresInSeconds: seconds }) =>
      api.call("createKey", {
        body: {
          name,
          rights: [...rights],
          ...(deployments.length > 0 && { deployments: [...deployments] }),
          ...(seconds !== undefined && { expires_in_seconds: seconds }),
        },
      }),
    revoke: async (key_id) => void (await api.call("revokeKey", { params: { key_id } })),
  };
}

async function tableStore(table: string, flags: OperatorFlags): Promise<KeyStore> {
  const [{ ports, workspace, attempt }, { createKey, keyIdOf }, { keysOf, keyView }] = await Promise.all([
    operatorOf(table, flags, false),
    import("../../../shared/api/create-key.ts"),
    import("../../../shared/api/keys.ts"),
  ]);
  return {
    list: () => attempt(async () => (await keysOf(ports, workspace)).map(keyView)),
    create: (wanted) =>
      attempt(async () => {
        const { expiresInSeconds: seconds, ...named } = wanted;
        const lastsMs = seconds === undefined ? undefined : seconds * 1_000;
        const { key, record } = await createKey(ports, { workspace, ...named, lastsMs });
        return { ...keyView(record), key };
      }),
    revoke: (id) =>
      attempt(async () => {
        const found = (await keysOf(ports, workspace)).find((record) => keyIdOf(record) === id);
        if (!found) {
          const advice = `sirocco key list --table ${table} shows the keys.`;
          throw new CliError(EXIT.failed, `There is no API key '${id}' in this workspace.`, [advice]);
        }
        await ports.registry.removeKey(workspace, found.hash);
      }),
  };
}
