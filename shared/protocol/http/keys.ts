/** API keys of the caller's workspace: an operation of Sirocco's own. */
import * as z from "zod";
import { DeploymentName } from "../ids.ts";
import { MAX_KEY_DEPLOYMENTS, MAX_KEY_SECONDS, MIN_KEY_SECONDS } from "../limits.ts";
import { RIGHTS } from "../rights.ts";
import { Timestamp } from "./fields.ts";

const Right = z.enum(RIGHTS).meta({ id: "Right" });
/** Deployments to which the key is limited; null: none. */
const limited = z.array(z.string()).nullable();
/** From then on the server refuses the key; null: never. */
const expires_at = Timestamp.nullable();
/** Shown by lists, and as `user_id` of the executions that the key starts. */
export const KeyName = z
  .string()
  .regex(/^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u, { error: "a key's name is not blank and holds no control characters" })
  .max(128);

/** `development`: the key of `sirocco dev`, which its next start with another key removes. */
const key = {
  key_id: z.string(),
  name: z.string(),
  rights: z.array(Right),
  deployments: limited,
  development: z.boolean(),
  created_at: Timestamp,
  expires_at,
};
export const KeyResponse = z.object(key).meta({ id: "KeyResponse" });
export type KeyResponse = z.infer<typeof KeyResponse>;
export const KeyListResponse = z.object({ keys: z.array(KeyResponse) }).meta({ id: "KeyListResponse" });

export const CreateKeyRequest = z
  .strictObject({
    name: KeyName,
    rights: z.array(Right).min(1).max(RIGHTS.length).default(["admin"]),
    deployments: z.array(DeploymentName).min(1).max(MAX_KEY_DEPLOYMENTS).nullish(),
    expires_in_seconds: z.int().min(MIN_KEY_SECONDS).max(MAX_KEY_SECONDS).nullish(),
  })
  .refine(({ rights, deployments }) => !deployments || !rights.includes("admin"), {
    path: ["deployments"],
    error: "a key with the right admin cannot be limited to deployments",
  })
  .meta({ id: "CreateKeyRequest" });
/** The only answer that contains the key: the server stores its hash. */
export const CreatedKeyResponse = z.object({ ...key, key: z.string() }).meta({ id: "CreatedKeyResponse" });

/** The caller's key. */
export const CallerResponse = z
  .object({
    workspace: z.string(),
    key_id: z.string(),
    key_name: z.string(),
    rights: z.array(Right),
    deployments: limited,
    expires_at,
  })
  .meta({ id: "CallerResponse" });
