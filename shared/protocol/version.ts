/** Version of the whole: server, SDK and command are released together. */
export const VERSION = "0.1.0";
