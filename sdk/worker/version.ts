/** Version of the SDK, as sent at registration. */
export const VERSION = "0.1.0";
