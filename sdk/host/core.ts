/**
 * The worker core: a worker whose code lives in a host. From the host's `hello` to a running worker, and
 * out again, by `stop` or by the host's end (HOST-3). While the host's process is stopped there is no worker (HOST-7).
 */
import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { Readable, Writable } from "node:stream";
import { PayloadCodec } from "../../shared/encoding/codec.ts";
import type { EncodingOptions } from "../../shared/encoding/options.ts";
import { s3Store } from "../../shared/encoding/s3-store.ts";
import type { Clock } from "../../shared/lib/clock.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import type { AnyActivity } from "../activity.ts";
import type { Log } from "../runtime/log.ts";
import { WorkerEncoding } from "../worker/encoding.ts";
import type { HttpOptions } from "../worker/http-transport.ts";
import { ownUsage } from "../worker/load.ts";
import { WorkerMetrics } from "../worker/metrics.ts";
import { metricsServer } from "../worker/metrics-server.ts";
import { portOf } from "../worker/options.ts";
import { ServerRefusal, type Transport } from "../worker/transport.ts";
import { Worker } from "../worker/worker.ts";
import type { HostedWorkflow } from "../workflow/hosted.ts";
import { ForeignActivities } from "./activities.ts";
import { type Channel, openChannel } from "./channel.ts";
import { ForeignInstance } from "./instance.ts";
import type { HostMessage } from "./protocol.ts";
import { Pulse } from "./pulse.ts";

export interface CoreOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly clock: Clock;
  /** Measures the host's silence. Default: `clock`; where that is a clock of tests, the host still lives in real time. */
  readonly hostClock?: Clock;
  readonly log: Log;
  /** Answers `GET /metrics` on this port. A text that names no port is refused. Default: no such server. */
  readonly metricsPort?: string | undefined;
  readonly transport: (options: HttpOptions) => Transport;
  /** Ids of sessions, messages and attempts. Default: random ones. */
  readonly uuid?: () => string;
  /** Called once, when there is nothing left to do. 0: as the host asked; 1: refused, or the host is dead. */
  readonly exit: (code: number) => void;
}

export function runCore(options: CoreOptions): void {
  const { log, clock, uuid = randomUUID } = options;
  const metrics = new WorkerMetrics(clock);
  let shown: Server | null = null;
  let worker: Worker | null = null;
  let stopping = false;

  const channel = openChannel(options.input, options.output, {
    take: (message) => {
      switch (message.type) {
        case "hello":
          return void start(message);
        case "outcome":
          return activities.end(message);
        case "beat":
          return activities.beat(message);
        case "progress":
          return activities.publish(message);
        case "line":
          return activities.log(message);
        case "pong":
          return pulse.answered(message);
        case "stop":
          return void stop(message.grace_ms);
      }
    },
    ended: (error) => void hostGone(error),
  });
  const exit = (code: number) => {
    shown?.close();
    shown?.closeAllConnections();
    options.exit(code);
  };
  const activities = new ForeignActivities(channel.send, uuid);
  const pulse = new Pulse({
    clock: options.hostClock ?? clock,
    send: channel.send,
    log,
    running: () => activities.running,
    onSilent: () => suspend(),
    onBack: () => resume(),
  });
  /** HOST-7. Ends when the worker of a stopped host has handed back; null: the host is not stopped. */
  let suspended: Promise<unknown> | null = null;
  let begin: (() => Promise<void>) | null = null;

  async function start(hello: HostMessage<"hello">): Promise<void> {
    if (begin) return hostGone(new Error("the host said 'hello' twice"));
    let codec: PayloadCodec;
    let defined: Map<string, AnyActivity>;
    let port: number | null;
    try {
      port = portOf("SIROCCO_METRICS_PORT", options.metricsPort);
      codec = new PayloadCodec(encodingOf(hello.encoding));
      defined = new Map(hello.activities.map((name) => [name, activities.define(name)]));
    } catch (error) {
      channel.send({ type: "refused", call: hello.call, status: 400, message: (error as Error).message });
      return exit(1);
    }
    if (hello.replay) return replay(hello, hello.replay, codec);
    if (port !== null) {
      const { deployment, worker: name } = hello;
      const text = () => metrics.text({ deployments: [deployment], name, load: worker?.slots ?? null });
      try {
        shown = await metricsServer(port, text);
      } catch (error) {
        channel.send({ type: "refused", call: hello.call, status: 400, message: (error as Error).message });
        return exit(1);
      }
    }
    const transport = options.transport({
      url: hello.url,
      apiKey: hello.key,
      onRetry: (operation, why, attempt) => {
        metrics.error("repeated_call");
        if (attempt === 1 || attempt % 30 === 0) log.warn(`${operation} is tried again: ${why.message}`, { attempt });
      },
    });
    begin = () => serve(hello, transport, defined, codec);
    await begin();
    if (!stopping) pulse.start();
  }

  /** HOST-9. */
  async function replay({ call, ...hello }: HostMessage<"hello">, files: string[], codec: PayloadCodec): Promise<void> {
    channel.send({ type: "running", call, session: "", warnings: [], lease_ms: 0 });
    const { replayFiles } = await import("../worker/replays.ts");
    const replays = replayFiles(files, workflowsOf(channel, { call, ...hello }), codec);
    channel.send({ type: "replayed", results: await Array.fromAsync(replays) });
    exit(0);
  }

  /** Registers under a new session, and works. */
  async function serve(
    hello: HostMessage<"hello">,
    transport: Transport,
    defined: ReadonlyMap<string, AnyActivity>,
    codec: PayloadCodec,
  ): Promise<void> {
    const { call, limits } = hello;
    let serving = false;
    const next = new Worker(
      {
        transport,
        clock,
        log,
        metrics,
        session: uuid(),
        deployment: hello.deployment,
        uuid,
        workflows: new Map(workflowsOf(channel, hello).map((workflow) => [workflow.name, workflow])),
        activities: defined,
        limits: {
          maxConcurrentActivities: limits.activities,
          maxConcurrentWorkflows: limits.workflows,
          cachedExecutions: limits.cached,
        },
        resources: {},
        sessionsOffered: hello.sessions ?? false,
        deterministic: true,
        failOnAnyError: false,
        encoding: new WorkerEncoding(codec, log),
        sdk: `${hello.host} (sirocco ${VERSION})`,
        ...(hello.ship_logs && hello.ship_logs !== "off" && { shipLogs: hello.ship_logs }),
        // What runs the code, and this process beside it.
        usage: () => {
          const own = ownUsage();
          const { cpu_seconds = 0, memory_bytes = 0 } = pulse.usage ?? {};
          return { cpuSeconds: own.cpuSeconds + cpu_seconds, memoryBytes: own.memoryBytes + memory_bytes };
        },
        watch: {
          alive: () => pulse.alive,
          leased: (receipt, held) => channel.send({ type: "lease", receipt, held }),
        },
      },
      hello.worker,
      (error) => {
        // WORKER-4. Before `running` the registration itself says so.
        const what = error.status === 401 ? "accept this API key" : "serve this worker";
        if (serving) fatal(`the server does not ${what} any more: ${error.message}`);
      },
    );
    worker = next;
    try {
      const { warnings, lease_ms } = await next.start();
      serving = true;
      channel.send({ type: "running", call, session: next.session, warnings, lease_ms });
    } catch (error) {
      if (stopping || worker !== next) return; // it was ended while it registered
      const status = error instanceof ServerRefusal ? error.status : 503;
      channel.send({ type: "refused", call, status, message: (error as Error).message });
      exit(1);
    }
  }

  /** HOST-7. */
  function suspend(): void {
    if (stopping || !worker) return;
    log.error("the host's process is stopped: what it runs is handed back, and other workers take it over", {
      activities: activities.running,
    });
    suspended = worker.stop(0).catch((error) => log.error("handing back failed: the leases lapse", { error }));
    worker = null;
  }

  async function resume(): Promise<void> {
    await suspended;
    suspended = null;
    if (stopping) return;
    log.info("the host answers again: it is registered again");
    await begin?.();
  }

  async function stop(graceMs: number): Promise<void> {
    if (stopping) return;
    stopping = true;
    await suspended;
    const abandoned = (await worker?.stop(graceMs)) ?? 0;
    pulse.stop();
    channel.send({ type: "stopped", abandoned });
    exit(0);
  }

  function fatal(message: string): void {
    log.error(message);
    channel.send({ type: "fatal", message });
    void leave();
  }

  async function hostGone(error: Error | null): Promise<void> {
    if (stopping) return exit(0);
    if (error) {
      log.error(`the worker core and its host do not understand each other: ${error.message}`);
      channel.send({ type: "fatal", message: error.message });
    }
    await leave();
  }

  /** HOST-3: what ran is abandoned and handed back, so that another worker takes it over at once. */
  async function leave(): Promise<void> {
    if (stopping) return;
    stopping = true;
    pulse.stop();
    await suspended;
    await worker?.stop(0).catch((error) => log.error("the worker could not leave in good order", { error }));
    exit(1);
  }
}

/** The settings of the official SDK as options of the codec. */
function encodingOf(given: HostMessage<"hello">["encoding"]): EncodingOptions {
  const { encryption, compression, offload } = given ?? {};
  const keys = offload?.credentials;
  return {
    ...(encryption && {
      encryption: { mode: encryption.mode, key: encryption.key, previousKeys: encryption.previous_keys },
    }),
    ...(compression && { compression: { minBytes: compression.min_bytes, level: compression.level } }),
    ...(offload && {
      offload: {
        minBytes: offload.min_bytes,
        store: s3Store({
          bucket: offload.bucket,
          ...(offload.prefix !== null && { prefix: offload.prefix }),
          ...(offload.region !== null && { region: offload.region }),
          ...(offload.endpoint !== null && { endpoint: offload.endpoint }),
          ...(keys && {
            client: { credentials: { accessKeyId: keys.access_key_id, secretAccessKey: keys.secret_access_key } },
          }),
        }),
      },
    }),
  };
}

function workflowsOf(channel: Channel, hello: HostMessage<"hello">): HostedWorkflow[] {
  return hello.definitions.map((definition) => {
    const { name } = definition;
    const hash = hello.hashes[name] ?? "unknown";
    const workflow = { definition, hash };
    return { name, ...workflow, create: (options) => new ForeignInstance(channel, workflow, options) };
  });
}
