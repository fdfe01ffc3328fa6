/**
 * What the API Gateway of an installation answers by itself, by the type of the gateway response. `test/emulator/wiring.test.ts` holds
 * the deployed stack to it; other tests give it to clients.
 */
export const GATEWAY_REFUSALS = {
  REQUEST_TOO_LARGE: {
    status: 413,
    body: { detail: "The request is larger than 10 MB.", code: "PAYLOAD_TOO_LARGE" },
  },
  THROTTLED: {
    status: 429,
    body: { detail: "Too many requests at once. Try again in a second.", code: "RATE_LIMITED" },
  },
  INTEGRATION_TIMEOUT: {
    status: 408,
    body: { detail: "No answer in time. The request may have been carried out.", code: "WF_1103" },
  },
  INTEGRATION_FAILURE: {
    status: 504,
    body: { detail: "An unexpected error occurred. The server's log has the cause.", code: "WF_1000" },
  },
} as const;
