/**
 * The receiver of the provider's webhooks: it checks the signature, signals the execution whose id the event carries, and answers only
 * after the server has stored the signal, so that the provider repeats what was not stored.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { ApiError, type Client } from "@sirocco/sdk/client";
import * as z from "zod";
import { paid, payment } from "./workflows.ts";

const Event = z.object({ id: z.string(), payment: z.string(), status: z.enum(["paid", "refused"]) });

export const signatureOf = (secret: string, body: string): string =>
  createHmac("sha256", secret).update(body).digest("hex");

export function webhookServer(client: Client, secret: string): Server {
  return createServer(async (request, response) => {
    const body = await text(request);
    const answer = (status: number) => response.writeHead(status).end();
    const given = Buffer.from(String(request.headers["x-signature"] ?? ""));
    const wanted = Buffer.from(signatureOf(secret, body));
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return answer(401);
    const event = Event.safeParse(jsonOf(body));
    if (!event.success) return answer(400);
    const { id, payment: execution, status } = event.data;
    try {
      await client.execution(execution, payment).signal(paid, { event: id, status });
      answer(204);
    } catch (error) {
      // Nothing waits for this event any more, and a repeated one would not change that.
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return answer(204);
      answer(503);
    }
  });
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
