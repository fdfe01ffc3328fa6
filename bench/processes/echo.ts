/** Sends each frame back, as the worker core reads and writes them. */
import { type FrameStream, frameStream } from "../../sdk/host/frames.ts";

const stream: FrameStream = frameStream(
  process.stdin,
  process.stdout,
  (value) => stream.send(value as object),
  () => process.exit(0),
);
