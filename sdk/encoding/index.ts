/** `@sirocco/sdk/encoding`: encrypts, compresses and offloads payloads, for workers and for clients. */
import "../node-check.ts";

export { EncodingError, type EncodingFault, EncodingOptionsError } from "../../shared/encoding/errors.ts";
export { folderStore } from "../../shared/encoding/folder-store.ts";
export { type EncodingFetchOptions, encodingFetch } from "../../shared/encoding/http.ts";
export type {
  BlobStore,
  CompressionOptions,
  EncodingOptions,
  EncryptionOptions,
  OffloadOptions,
} from "../../shared/encoding/options.ts";
export { type S3StoreOptions, s3Store } from "../../shared/encoding/s3-store.ts";
export { EncryptedText, encryptedText } from "./encrypted-text.ts";
