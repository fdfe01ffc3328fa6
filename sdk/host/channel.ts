/** The core's end of the pipe to its host: messages that have been read and checked, and requests with their answers. */
import type { Readable, Writable } from "node:stream";
import { frameStream } from "./frames.ts";
import { type CoreMessage, type FromCore, type FromHost, type HostMessage, readFromHost } from "./protocol.ts";

type WithoutCall<M> = M extends unknown ? Omit<M, "call"> : never;
type Unasked = Exclude<FromHost, { type: "given" | "answered" }>;

export interface Channel {
  send(message: FromCore): void;
  /** The host's answer. Never settles once the host is dead: nothing that depends on it may be recorded (HOST-3). */
  ask(request: WithoutCall<CoreMessage<"give">>): Promise<HostMessage<"given">>;
  ask(request: WithoutCall<CoreMessage<"query">>): Promise<HostMessage<"answered">>;
}

export interface ChannelEnds {
  /** A message that answers no request of ours. */
  take(message: Unasked): void;
  /** The host has gone; an error where it can no longer be understood (HOST-5) or the pipe broke. Called once. */
  ended(error: Error | null): void;
}

export function openChannel(input: Readable, output: Writable, ends: ChannelEnds): Channel {
  const answers = new Map<number, { type: string; resolve(message: never): void }>();
  let calls = 0;
  let over = false;
  const end = (error: Error | null) => {
    if (over) return;
    over = true;
    answers.clear();
    ends.ended(error);
  };
  const take = (value: unknown) => {
    if (over) return;
    const message = readFromHost(value);
    if (typeof message === "string") return end(new Error(message));
    if (message.type !== "given" && message.type !== "answered") return ends.take(message);
    const asked = answers.get(message.call);
    if (asked?.type !== message.type) {
      return end(new Error(`the host sent '${message.type}' for call ${message.call}, which does not wait for that`));
    }
    answers.delete(message.call);
    asked.resolve(message as never);
  };
  const stream = frameStream(input, output, take, end);
  // Also after the end: a host that cannot be understood is told why (HOST-5). To a dead one nothing goes out.
  const send = (message: FromCore) => stream.send(message);
  const ask = (request: WithoutCall<CoreMessage<"give" | "query">>) => {
    calls += 1;
    const call = calls;
    return new Promise<never>((resolve) => {
      answers.set(call, { type: request.type === "give" ? "given" : "answered", resolve });
      send({ ...request, call } as FromCore);
    });
  };
  return { send, ask };
}
