/**
 * `npm run bench:peers`: Sirocco beside other engines for durable execution, on this machine, in one run. All engines run at
 * the same time; the figures are taken in rounds, one engine after the other, in another order each round, by one client
 * over HTTP. Prints medians, their spread, and ratios to the best other engine, and writes them as JSON to `bench/results/`.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { dbos } from "./dbos.ts";
import { FIGURES, type Figure, type Sample } from "./figures.ts";
import { closeConnections } from "./http-call.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { restate } from "./restate.ts";
import { sirocco, twoProcesses } from "./sirocco.ts";
import { summary, table } from "./summary.ts";
import { temporal } from "./temporal.ts";

const HELP = `npm run bench:peers -- [options]
  --rounds N    rounds of all figures, at least 3 (default 5)
  --peers LIST  restate, dbos, temporal (default: restate,dbos, and temporal if TEMPORAL_CLI names its program)
  --force       measure although the machine does other work`;

/** Above this load (the average of one minute) the ratios depend on the other work. */
const MOST_LOAD = 1;
const SUBJECTS = [sirocco, twoProcesses];
const PEERS: Readonly<Record<string, Peer>> = { restate, dbos, temporal };

interface Running {
  readonly peer: Peer;
  readonly running: RunningPeer;
}

function settings() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      peers: { type: "string", default: process.env.TEMPORAL_CLI ? "restate,dbos,temporal" : "restate,dbos" },
      force: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) end(HELP, 0);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 3) end(`--rounds is '${values.rounds}', it must be 3 or more\n${HELP}`, 2);
  const names = values.peers.split(",").filter(Boolean);
  const unknown = names.filter((name) => !PEERS[name]);
  if (unknown.length > 0) end(`--peers has '${unknown}', it may have ${Object.keys(PEERS).join(", ")}\n${HELP}`, 2);
  const [load = 0] = loadavg();
  console.log(`load of the last minute: ${load.toFixed(2)}`);
  if (load > MOST_LOAD && !values.force) {
    end(`the machine does other work (a load above ${MOST_LOAD}): wait for it to end, or measure with --force`, 1);
  }
  return {
    rounds,
    peers: [...SUBJECTS, ...names.map((name) => PEERS[name] as Peer)],
    load,
    temporal: names.includes("temporal"),
  };
}

function end(text: string, code: number): never {
  console.error(text);
  process.exit(code);
}

async function measure(engines: readonly Running[], rounds: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const figure of FIGURES) {
      for (let i = 0; i < engines.length; i++) {
        const { peer, running } = engines[(i + round) % engines.length] as Running;
        const sample = await measured(figure, peer, running);
        if (round > 0) samples.push(sample); // the round before the first warms up
      }
    }
    console.log(round === 0 ? "warm" : `round ${round} of ${rounds}, load ${loadavg()[0]?.toFixed(2)}`);
  }
  return samples;
}

async function measured(figure: Figure, peer: Peer, running: RunningPeer): Promise<Sample> {
  return { peer: peer.name, figure: figure.name, ...(await figure.measure(running)) };
}

const { rounds, peers, load } = settings();
const folder = mkdtempSync(join(tmpdir(), "sirocco-peers-"));
chmodSync(folder, 0o711); // an engine may run as another user
const engines: Running[] = [];
try {
  for (const peer of peers) {
    const own = join(folder, peer.name.toLowerCase().replace(/\W+/g, "-"));
    mkdirSync(own);
    engines.push({ peer, running: await peer.start(own) });
    console.log(`${peer.name} ${engines.at(-1)?.running.version}`);
  }
  const samples = await measure(engines, rounds);
  const rows = summary(
    samples,
    SUBJECTS.map(({ name }) => name),
  );
  for (const { figure, rows: lines } of table(rows)) {
    console.log(`\n${figure}`);
    console.table(lines);
  }
  write({ samples, rows });
} finally {
  for (const { running } of engines) await running.stop();
  closeConnections();
  rmSync(folder, { recursive: true, force: true });
}

function write(measured: object): void {
  const date = new Date().toISOString();
  const results = new URL("../results/", import.meta.url);
  mkdirSync(results, { recursive: true });
  const file = new URL(`peers-${date.replace(/[:.]/g, "-")}.json`, results);
  const versions = Object.fromEntries(engines.map(({ peer, running }) => [peer.name, running.version]));
  const report = {
    date,
    node: process.version,
    cpus: `${availableParallelism()} x ${cpus()[0]?.model}`,
    load,
    rounds,
    versions,
    ...measured,
  };
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\nresults written to ${fileURLToPath(file)}`);
}
