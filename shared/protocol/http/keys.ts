/** API keys of the caller's workspace: an operation of Sirocco's own. */
import * as z from "zod";
import { Timestamp } from "./fields.ts";

export const KeyRole = z.enum(["admin", "read"]);
/** Shown by lists, and as `user_id` of the executions that the key starts. */
export const KeyName = z
  .string()
  .regex(/^(?=.*\S)[^\p{Cc}]+$/u, { error: "a key's name is not blank and holds no control characters" })
  .max(128);

/** `development`: the key of `sirocco dev`, which its next start with another key removes. */
const key = {
  key_id: z.string(),
  name: z.string(),
  role: KeyRole,
  development: z.boolean(),
  created_at: Timestamp,
};
export const KeyResponse = z.object(key).meta({ id: "KeyResponse" });
export type KeyResponse = z.infer<typeof KeyResponse>;
export const KeyListResponse = z.object({ keys: z.array(KeyResponse) }).meta({ id: "KeyListResponse" });

export const CreateKeyRequest = z
  .strictObject({ name: KeyName, role: KeyRole.default("admin") })
  .meta({ id: "CreateKeyRequest" });
/** The only answer that contains the key: the server stores its hash. */
export const CreatedKeyResponse = z.object({ ...key, key: z.string() }).meta({ id: "CreatedKeyResponse" });
