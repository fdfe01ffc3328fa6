/** Why a payload could not be encoded or decoded. */

/** `key`: the keys do not fit. `store`: the store of offloaded payloads. `form`: the payload is none of this format. */
export type EncodingFault = "key" | "store" | "form";

export class EncodingError extends Error {
  readonly fault: EncodingFault;
  constructor(fault: EncodingFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "EncodingError";
    this.fault = fault;
  }
}

/** The options of an encoding are wrong; the message names the option. */
export class EncodingOptionsError extends TypeError {
  constructor(message: string) {
    super(message);
    this.name = "EncodingOptionsError";
  }
}
