"use strict";
// Loaded first in every Lambda process of the emulator: the global `awslambda`, which AWS's Node runtime has for response
// streaming and the emulator has not. So the same handlers run on both.
//
// An HTTP request has an id in `x-emulator-stream`: each chunk is relayed to the client that waits under that id (see
// emulator.py). Any other invocation gets the answer of AWS's Invoke: metadata, eight zero bytes and the whole body.
const http = require("node:http");
const { PassThrough } = require("node:stream");

const agent = new http.Agent({ keepAlive: true });

globalThis.awslambda = {
  streamifyResponse: (handler) => async (event, context) => {
    const id = event?.headers?.["x-emulator-stream"];
    const out = new PassThrough();
    out.metadata = { statusCode: 200, headers: { "content-type": "application/octet-stream" } };
    const delivered = id ? relay(id, out) : collect(out);
    try {
      await handler(event, out, context);
    } catch (error) {
      // AWS cuts the response here. Without this the client would wait for ever.
      delivered.catch(() => {});
      out.destroy(error);
      throw error;
    }
    if (!out.writableEnded) out.end();
    return delivered;
  },
  HttpResponseStream: {
    from(out, { statusCode = 200, headers = {} } = {}) {
      out.metadata.statusCode = statusCode;
      for (const [name, value] of Object.entries(headers)) out.metadata.headers[name.toLowerCase()] = value;
      return out;
    },
  },
};

function relay(id, out) {
  return new Promise((resolve, reject) => {
    out.once("error", reject);
    // "readable" is emitted with the first chunk or the end. Until then the handler may still set status and headers.
    out.once("readable", () => {
      const request = http.request(
        `${process.env.AWS_ENDPOINT_URL}/_emulator/stream/${id}`,
        {
          agent,
          method: "POST",
          headers: { "x-status": out.metadata.statusCode, "x-headers": JSON.stringify(out.metadata.headers) },
        },
        (response) => response.resume().on("end", () => resolve({ statusCode: 200 })),
      );
      request.on("error", reject);
      out.once("error", (error) => request.destroy(error));
      request.flushHeaders();
      out.pipe(request);
    });
  });
}

async function collect(out) {
  const chunks = await Array.fromAsync(out);
  return `${JSON.stringify(out.metadata)}${"\0".repeat(8)}${Buffer.concat(chunks)}`;
}
