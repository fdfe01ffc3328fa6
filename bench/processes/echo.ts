/** Sends each frame back, as the worker core reads and writes them. */
import { type FrameStream, frameStream } from "../../sdk/host/frames.ts";
import { pipeInput } from "../../sdk/host/pipe.ts";

const stream: FrameStream = frameStream(
  pipeInput(0),
  process.stdout,
  (value) => stream.send(value as object),
  () => process.exit(0),
);
