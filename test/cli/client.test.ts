/** The client commands against a server with workers. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { commands } from "../../cli/commands/index.ts";
import { activity } from "../../sdk/activity.ts";
import { WorkflowError } from "../../sdk/errors.ts";
import { log } from "../../sdk/log.ts";
import { waitUntil } from "../../sdk/workflow/commands.ts";
import { continueAsNew } from "../../sdk/workflow/continue.ts";
import { workflow } from "../../sdk/workflow/define.ts";
import { on, query, signal, update } from "../../sdk/workflow/handlers.ts";
import { waitForInput } from "../../sdk/workflow/human-input.ts";
import { type Installation, installation } from "./installation.ts";
import { cli, type Ran, type RunOptions, temporaryDirectory } from "./support.ts";

const charge = activity({ name: "charge", input: z.object({ amount: z.number() }) }, ({ amount }) => {
  if (amount > 1000) throw new WorkflowError("the card has a limit of 1000", { retry: false });
  return { receipt: `r-${amount}` };
});
const approve = signal("approve", z.object({ by: z.string() }));
const status = query("status", z.string());
const rename = update("rename", z.object({ to: z.string() }), z.object({ was: z.string() }));
const order = workflow(
  {
    name: "order",
    title: "An order",
    input: z.object({ amount: z.number(), wait: z.boolean().default(false) }),
    handlers: [approve, status, rename],
  },
  async ({ amount, wait }) => {
    let by: string | undefined;
    let name = "first";
    on(approve, (given) => {
      by = given.by;
    });
    on(status, () => (by === undefined ? "waiting" : `approved by ${by}`));
    on(rename, ({ to }) => {
      const was = name;
      name = to;
      return { was };
    });
    if (wait) await waitUntil(() => by !== undefined, "1h");
    return { ...(await charge({ amount })), by: by ?? null };
  },
);
const tells = activity({ name: "tells" }, (_, ctx) => ctx.log.warn("low"));
const says = workflow({ name: "says" }, async () => {
  log.info("begun", { order: "o-1" });
  await tells();
});
const wish = workflow({ name: "wish", interactive: true }, async () =>
  waitForInput(z.object({ ok: z.boolean() }), { label: "Go on?" }),
);
const shared = workflow({ name: "shared" }, async () => "done");

const spinning = workflow({ name: "spinning" }, async () => continueAsNew({}));

/** Nothing listens on this port. */
const nowhere = "http://127.0.0.1:2";

let server: Installation;
let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(async () => {
  directory = temporaryDirectory();
  server = await installation();
  await server.worker("shop", [order, shared, wish, spinning], [charge]);
  await server.worker("annex", [shared]);
});
afterAll(async () => {
  await server.close();
  directory.remove();
});

/** Runs a command line, split at blanks. */
const sirocco = (line: string, options: RunOptions = {}): Promise<Ran> =>
  cli(line.split(" "), { env: server.env, cwd: directory.path, ...options });
const startOrder = (id: string, input: object) =>
  cli(["start", "order", "--id", id, "--input", JSON.stringify(input)], { env: server.env });

describe("inputs", () => {
  it("lists open questions, and how to answer the first", async () => {
    expect((await sirocco("inputs")).err).toContain("No execution waits for a person.");
    await sirocco("start wish --id wish-1");
    await vi.waitFor(async () => expect((await sirocco("inputs")).out).toMatch(/wish-1 .* Go on\?/));
    const { inputs } = JSON.parse((await sirocco("inputs --workflow wish --json")).out) as {
      inputs: { task_id: string }[];
    };
    expect((await sirocco("inputs")).err).toContain("sirocco update wish-1 __submit_input");
    const answer = JSON.stringify({ task_id: inputs[0]!.task_id, input: { ok: true } });
    expect((await cli(["update", "wish-1", "__submit_input", "-i", answer], { env: server.env })).code).toBe(0);
    await vi.waitFor(async () => expect((await sirocco("inputs")).out).toBe(""));
  });
});

describe("list --count", () => {
  it("shows how many executions have each status, of those that match", async () => {
    await sirocco(`start order --wait --id counted-1 -i {"amount":1}`);
    await sirocco(`start order --wait --id counted-2 -i {"amount":1}`);
    await sirocco(`start order --id counted-3 -i {"amount":1,"wait":true}`);
    const ran = await sirocco("list --count --search counted-");
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toMatch(/^STATUS +EXECUTIONS\nRUNNING +1\nCOMPLETED +2$/);
    const json = JSON.parse((await sirocco("list --count --search counted- --json")).out) as { counts: object[] };
    expect(json.counts).toContainEqual({ status: "COMPLETED", count: 2, more: false });
    expect(json.counts).toContainEqual({ status: "FAILED", count: 0, more: false });
    expect((await sirocco("list --count --search counted-never")).err).toBe("No executions match.");
  });
});

describe("get of a closed execution", () => {
  it("shows what it has used, and nothing before it closes", async () => {
    await sirocco(`start order --wait --id cost-1 -i {"amount":1}`);
    expect((await sirocco("get cost-1")).out).toMatch(
      /^cost: +\d+ calls of workers, 1 task, \d+ commits, \d+ bytes written$/m,
    );
    const { cost } = JSON.parse((await sirocco("get cost-1 --json")).out) as { cost: Record<string, number | null> };
    expect(cost).toMatchObject({ tasks: 1, write_units: null, read_units: null });
    expect(cost.commits).toBeGreaterThan(cost.worker_calls!);
    await sirocco(`start order --id cost-2 -i {"amount":1,"wait":true}`);
    expect((await sirocco("get cost-2")).out).not.toContain("cost:");
    await sirocco("terminate cost-2");
    expect((await sirocco("get cost-2")).out).toContain("cost:");
  });
});

describe("get of an execution that continues as new at once", () => {
  it("shows that it waits for its pace", async () => {
    await sirocco("start spinning --id spins");
    const held = async () => {
      const ran = await sirocco("get spins --json");
      const { hold } = JSON.parse(ran.out) as { hold: { reason: string; until: string } | null };
      return hold;
    };
    await expect.poll(held, { timeout: 20_000 }).toEqual({
      reason: "continues_as_new_too_often",
      until: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    await expect.poll(async () => (await sirocco("get spins")).out).toMatch(/^why: .*continue/m);
    await sirocco("terminate spins");
  }, 40_000);
});

describe("failures", () => {
  it("lists failures by their kind, with the newest example", async () => {
    await sirocco(`start order --wait --id too-much -i {"amount":7001}`);
    await sirocco(`start order --wait --id far-too-much -i {"amount":7002}`);
    const ran = await sirocco("failures --since 1h --workflow order");
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/^ +\d+ .* order .* far-too-much .*the card has a limit of 1000/m);
    expect(ran.out).not.toContain("  too-much");
    const json = JSON.parse((await sirocco("failures --json -n 1")).out) as { failures: object[] };
    expect(json.failures).toHaveLength(1);
    expect((await sirocco("failures --workflow nothing")).err).toContain("No execution failed since");
  });
});

describe("workflows metrics", () => {
  it("shows how many runs began and how they ended, with latencies", async () => {
    await sirocco(`start order --wait -i {"amount":2}`);
    const ran = await sirocco("workflows metrics order --since 1h");
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toMatch(/^runs: +\d+$/m);
    expect(ran.out).toMatch(/^completed: +\d+$/m);
    expect(ran.out).toMatch(/^latency, median: +[\d.]+ m?s$/m);
    const json = JSON.parse((await sirocco("workflows metrics order --json")).out) as { success_count: object };
    expect(json.success_count).toEqual({ value: expect.any(Number) });
    expect((await sirocco("workflows metrics nothing")).code).toBe(1);
  });
});

describe("start", () => {
  it("starts an execution, and prints its id and how to follow it", async () => {
    const ran = await sirocco(`start order -i {"amount":1}`);
    expect(ran.code).toBe(0);
    const id = /execution: +(\S+)/.exec(ran.out)?.[1];
    expect(ran.err).toContain(`sirocco tail ${id}`);
    expect((await sirocco(`get ${id}`)).code).toBe(0);
  });

  it("waits for the result and prints it", async () => {
    const ran = await sirocco(`start order --wait --id waited -i {"amount":7}`);
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toMatch(/status: +COMPLETED/);
    expect(ran.out).toContain('"receipt": "r-7"');
  });

  it("exits with 1 when the execution has failed, and prints the failure", async () => {
    const ran = await sirocco(`start order --wait -i {"amount":5000}`);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/status: +FAILED/);
    expect(ran.out).toContain("the card has a limit of 1000");
  });

  it("stops waiting after --timeout, and the execution continues", async () => {
    const ran = await sirocco(`start order --wait --timeout 300ms --id patient -i {"amount":1,"wait":true}`);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("Execution patient has not closed within --timeout; it continues.");
    expect((await sirocco("get patient")).out).toMatch(/status: +RUNNING/);
    expect((await sirocco("terminate patient")).code).toBe(0);
  });

  it("reads its input from a file and from standard input", async () => {
    writeFileSync(join(directory.path, "input.json"), '{"amount": 3}');
    expect((await sirocco("start order -w -i @input.json")).out).toContain("r-3");
    expect((await sirocco("start order -w -i -", { stdin: '{"amount": 4}' })).out).toContain("r-4");
  });

  it.each([
    ["start order -i {amount:1}", 2, "--input is not JSON"],
    ["start order -i [1]", 2, "--input is a list"],
    ["start order -i @missing.json", 2, "the file cannot be read"],
    [`start order -i {"amount":"much"}`, 1, "input.amount"],
    ["start order --id a/b", 1, "execution_id"],
    ["start nobody", 1, "no worker has registered a workflow of this name"],
    ["start order --timeout 3s", 2, "it needs --wait"],
  ])("refuses `%s` with code %i", async (line, code, words) => {
    const ran = await sirocco(line);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(words);
    expect(ran.out).toBe("");
  });

  it("names the deployments when several serve the workflow, and the flag to pass", async () => {
    const ran = await sirocco("start shared");
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("Workflow 'shared' is served by several active deployments: annex, shop.");
    expect(ran.err).toContain("--deployment annex");
    const chosen = await sirocco("start shared --deployment annex --wait --json");
    expect(JSON.parse(chosen.out)).toMatchObject({
      status: "COMPLETED",
      deployment_name: "annex",
      result: { result: "done" },
    });
  });

  it("refuses the id of a running execution, and says what to do", async () => {
    await startOrder("twice", { amount: 1, wait: true });
    const again = await startOrder("twice", { amount: 1 });
    expect(again.code).toBe(1);
    expect(again.err).toContain("'twice' is already running");
    expect(again.err).toContain("Leave --id out");
    await sirocco("terminate twice");
  });
});

describe("a running execution", () => {
  it("is queried, updated and signalled", async () => {
    await startOrder("talk", { amount: 9, wait: true });
    expect((await sirocco("query talk status")).out).toBe('"waiting"');
    expect(JSON.parse((await sirocco(`update talk rename -i {"to":"second"}`)).out)).toEqual({ was: "first" });
    expect(JSON.parse((await sirocco("query talk status --json")).out)).toEqual({
      query_name: "status",
      result: "waiting",
    });
    const waits = await sirocco("get talk");
    expect(waits.out).toMatch(/why: Timer 1 ends at .*, in (1 h|59 min)/);
    const why = await sirocco("why talk");
    expect(why.out).toMatch(/^Workflow 'order' has been waiting for .* 'approve' has never been called/);
    expect(why.out).toContain("to do: Send it: sirocco signal talk approve");
    const { waits: found } = JSON.parse((await sirocco("why talk --json")).out);
    expect(found.map(({ kind }: { kind: string }) => kind)).toEqual(["message", "timer"]);
    const traced = await sirocco("trace talk");
    expect(traced.out).toMatch(/^trace [0-9a-f]{32}$/m);
    expect(traced.out).toMatch(/^\+0\.000 +open +execution +order$/m);
    expect(JSON.parse((await sirocco("trace talk --json")).out)).toMatchObject({ data_source: "history" });
    expect(JSON.parse((await sirocco("get talk --json")).out).why.summary).toContain("'approve' has never been called");
    expect(await sirocco(`signal talk approve -i {"by":"ada"}`)).toMatchObject({ code: 0, out: "Signal accepted" });
    const tail = await sirocco("tail talk");
    expect(tail.code).toBe(0);
    expect(tail.out.split("\n").map((line) => line.split("  ").slice(-2)[0])).toEqual([
      "started",
      "▶ charge (1)",
      "✔ charge (1)",
      "COMPLETED",
    ]);
    expect(tail.err).toBe("talk COMPLETED");
    const { result } = JSON.parse((await sirocco("get talk --json")).out);
    expect(result).toEqual({ receipt: "r-9", by: "ada" });
  });

  it("refuses unknown handlers and names the known ones", async () => {
    await startOrder("names", { amount: 1, wait: true });
    for (const [line, words] of [
      ["signal names aprove", "It has 'approve'."],
      ["query names state", "It has 'status'."],
      [`update names ren -i {"to":"x"}`, "It has 'rename'."],
    ] as const) {
      const ran = await sirocco(line);
      expect(ran.code).toBe(1);
      expect(ran.err).toContain(words);
    }
    expect((await sirocco(`signal names approve -i {"by":7}`)).err).toContain("input.by");
    await sirocco("terminate names");
  });

  it("is cancelled or terminated, several in one command, and the exit code is 1 if any was refused", async () => {
    await startOrder("c1", { amount: 1, wait: true });
    await startOrder("c2", { amount: 1, wait: true });
    const some = await sirocco("terminate c1 nowhere");
    expect(some).toMatchObject({ code: 1, out: "c1 terminated" });
    expect(some.err).toContain("There is no execution 'nowhere'");
    expect(await sirocco("cancel c2")).toMatchObject({ code: 0, out: "c2 cancellation requested" });
    expect((await sirocco("tail c2")).err).toBe("c2 CANCELED");
    const closed = await sirocco("cancel c2 --json");
    expect(closed.code).toBe(1);
    expect(JSON.parse(closed.out).results[0]).toMatchObject({ execution_id: "c2", ok: false });
  });

  it("is deleted once it is closed: one that runs is refused with what to do, and nothing shows a deleted one", async () => {
    await startOrder("gone", { amount: 1 });
    await sirocco("tail gone");
    await startOrder("stays", { amount: 1, wait: true });
    const some = await sirocco("delete gone stays");
    expect(some).toMatchObject({ code: 1, out: "gone deleted" });
    expect(some.err).toContain("'stays' is running: cancel or terminate it first");
    expect((await sirocco("get gone")).err).toContain("There is no execution 'gone'");
    expect((await sirocco("list")).out).not.toContain("gone");
    expect(await sirocco("delete gone")).toMatchObject({ code: 0, out: "gone deleted" });
    expect((await sirocco("delete nowhere")).err).toContain("There is no execution 'nowhere'");
    await sirocco("terminate stays");
  });
});

describe("reset", () => {
  it("lets a failed execution go on before its first failure, and says in which run", async () => {
    await startOrder("retried", { amount: 5000 });
    await sirocco("tail retried");
    const before = JSON.parse((await sirocco("get retried --json")).out);
    expect(before.status).toBe("FAILED");
    // The preview says what the reset would do, and does nothing.
    const preview = await sirocco("reset retried --to first-failure --preview");
    expect(preview.code).toBe(0);
    expect(preview.out).toMatch(/^the new run keeps events 1 to \d+ of run [0-9a-f-]{36}, and \d+ are thrown away$/m);
    expect(preview.out).toMatch(/activities that begin anew:\n {2}charge/);
    expect(JSON.parse((await sirocco("get retried --json")).out).run_id).toBe(before.run_id);
    const ran = await sirocco("reset retried --to first-failure --reason retry");
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^retried goes on in run [0-9a-f-]{36}$/) });
    expect(ran.out).not.toContain(before.run_id);
    await sirocco("tail retried");
    expect((await sirocco("history retried")).out).toContain("reset: the events before are copies");
  });

  it("happens once for one idempotency key, and again without it", async () => {
    await sirocco(`start order --wait --id keyed -i {"amount":3}`);
    const reset = async (more: string) => {
      const ran = await sirocco(`reset keyed --to start --json${more}`);
      expect([ran.err, ran.code]).toEqual(["", 0]);
      await sirocco("tail keyed");
      return JSON.parse(ran.out).run_id as string;
    };
    const first = await reset(" --idempotency-key k1");
    expect(await reset(" --idempotency-key k1")).toBe(first);
    expect(await reset("")).not.toBe(first);
  });

  it("lists where an execution can go on when it cannot there, and wants one point", async () => {
    await sirocco(`start order --wait --id once -i {"amount":3}`);
    const wrong = await sirocco("reset once --event 1");
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain("event_id: event 1 of run");
    expect(wrong.err).toContain("--event 2 ");
    expect(wrong.err).toContain("execution_started order: activity_scheduled charge");
    expect((await sirocco("reset once --to first-failure")).err).toContain("has no first failure");
    const impossible = await sirocco("reset once --to first-failure --preview");
    expect(impossible.code).toBe(1);
    expect(impossible.out).toContain("has no first failure");
    expect(impossible.out).toMatch(/^ {2}2 {2}.* activity_scheduled charge$/m);
    expect((await sirocco("reset once --to begin")).err).toContain("start, last-decision or first-failure");
    expect((await sirocco("reset once --event x")).code).toBe(2);
    expect((await sirocco("reset once")).err).toContain("needs one of --to and --event");
    const { run_id } = JSON.parse((await sirocco("reset once --event 2 --exclude-signals --json")).out);
    await sirocco("tail once");
    expect(JSON.parse((await sirocco("get once --json")).out)).toMatchObject({ run_id, status: "COMPLETED" });
  });
});

describe("history", () => {
  it("is a timeline with times and durations", async () => {
    await sirocco(`start order --wait --id past -i {"amount":2}`);
    const lines = (await sirocco("history past")).out.split("\n");
    expect(lines[1]).toMatch(/^ 1 +\+0\.000 {2}● order started {2}\{"amount":2\}$/);
    expect(lines.at(-2)).toMatch(/✔ charge \(1\) done after \d+ ms {2}\{"receipt":"r-2"\}$/);
    expect(lines.at(-1)).toMatch(/● COMPLETED/);
    const narrow = await sirocco("history past", { columns: 60 });
    for (const line of narrow.out.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    expect((await sirocco("history past --full", { columns: 60 })).out).toContain('{"receipt":"r-2","by":null}');
  });

  it("is printed as JSON with --json, for any run", async () => {
    await sirocco(`start order --wait --id again -i {"amount":2}`);
    const [first] = JSON.parse((await sirocco("list --search again --json")).out).executions;
    await sirocco(`start order --wait --id again -i {"amount":3}`);
    const { events } = JSON.parse((await sirocco(`history again --run ${first.run_id} --json`)).out);
    expect(events.map((e: { id: number }) => e.id)).toEqual(events.map((_: unknown, i: number) => i + 1));
    expect(events[0]).toMatchObject({ kind: "execution_started", input: { amount: 2 } });
  });

  it("is one event whole with --event, of the latest run or of another", async () => {
    await sirocco(`start order --wait --id picked -i {"amount":7}`);
    const first = JSON.parse((await sirocco("history picked --event 1")).out);
    expect(first).toMatchObject({ id: 1, kind: "execution_started", input: { amount: 7 } });
    const [run] = JSON.parse((await sirocco("list --search picked --json")).out).executions;
    expect(JSON.parse((await sirocco(`history picked --event 2 --run ${run.run_id}`)).out)).toMatchObject({ id: 2 });
    const beyond = await sirocco("history picked --event 999");
    expect([beyond.code, beyond.err]).toEqual([1, expect.stringContaining("no event '999'")]);
    const wrong = await sirocco("history picked --event last");
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("--event is 'last'")]);
  });

  it("of an unknown execution is refused with advice", async () => {
    const ran = await sirocco("history nowhere");
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("`sirocco list`");
  });
});

describe("lists", () => {
  it("show executions, filtered, latest first, as many as asked for", async () => {
    for (const n of [1, 2, 3]) await sirocco(`start order --wait --id listed-${n} -i {"amount":${n}}`);
    await sirocco(`start order --wait --id listed-4 -i {"amount":4000}`);
    const ids = (ran: Ran) =>
      ran.out
        .split("\n")
        .slice(1)
        .map((line) => line.split(" ")[0]);
    expect(ids(await sirocco("list --search listed"))).toEqual(["listed-4", "listed-3", "listed-2", "listed-1"]);
    expect(ids(await sirocco("list --search listed --status failed"))).toEqual(["listed-4"]);
    expect(
      ids(await sirocco("list --search listed --status completed --since 1h --workflow order --deployment shop")),
    ).toHaveLength(3);
    const two = await sirocco("list --search listed -n 2");
    expect(ids(two)).toEqual(["listed-4", "listed-3"]);
    expect(two.err).toContain("more executions match: use --limit 10");
    expect(await sirocco("list --deployment annex --status running")).toMatchObject({
      code: 0,
      out: "",
      err: "No executions match.",
    });
    expect((await sirocco("list --status finished")).code).toBe(2);
  });

  it("make jobs and show their progress", async () => {
    await sirocco('start order --id bulk-1 -i {"amount":1,"wait":true}');
    expect((await sirocco("jobs create terminate")).code).toBe(2);
    expect((await sirocco("jobs create explode --all")).code).toBe(2);
    const kind = "0123456789abcdef";
    const ofKind = await sirocco(`jobs create reset --to start --failure ${kind} --json`);
    expect(JSON.parse(ofKind.out)).toMatchObject({ action: "reset", filter: { failure: kind } });
    expect((await sirocco(`jobs create terminate --failure ${kind}`)).err).toContain(
      "only closed executions have failed",
    );
    const made = await sirocco("jobs create terminate --workflow order --search bulk- --reason moved --json");
    const { job_id } = JSON.parse(made.out) as { job_id: string };
    await server.round();
    const shown = await sirocco(`jobs get ${job_id} --outcomes`);
    expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/done: +1 of 1/) });
    expect(shown.out).toMatch(/bulk-1 +succeeded/);
    expect((await sirocco("jobs list")).out).toMatch(new RegExp(`${job_id} +terminate +COMPLETED`));
    const again = JSON.parse((await sirocco(`jobs retry ${job_id} --json`)).out) as Record<string, unknown>;
    expect(again).toMatchObject({ action: "terminate", repeats: job_id, total: 0 }); // nothing had failed
    expect((await sirocco("get bulk-1")).out).toMatch(/TERMINATED/);
    expect((await sirocco(`jobs abort ${job_id}`)).code).toBe(1);
  });

  it("tag, title and archive workflows", async () => {
    expect((await sirocco("workflows tag shared eu billing")).out).toBe("shared: billing, eu");
    expect((await sirocco("workflows tag shared --remove eu")).out).toBe("shared: billing");
    expect((await sirocco("workflows tag shared")).code).toBe(2);
    expect((await sirocco("workflows --tag billing")).out).not.toContain("order");
    expect((await sirocco("workflows set shared --title Everybody's")).out).toBe("shared: Everybody's");
    expect((await sirocco("workflows shared")).out).toMatch(/title: +Everybody's/);
    expect((await sirocco("workflows set shared --title=")).out).toBe("shared: shared");
    const archived = await sirocco("workflows archive shared nobody");
    expect(archived).toMatchObject({ code: 1, out: "shared archived" });
    expect(archived.err).toContain("nobody");
    expect((await sirocco("workflows")).out).not.toContain("shared");
    expect((await sirocco("workflows --all")).out).toContain("shared");
    expect((await sirocco("workflows unarchive shared")).code).toBe(0);
    expect((await sirocco("workflows")).out).toContain("shared");
  });

  it("harden deployments", async () => {
    const { key_id } = JSON.parse((await sirocco("key create guards --json")).out) as { key_id: string };
    expect((await sirocco(`deployments harden vault ${key_id}`)).out).toContain(`API keys ${key_id} may register`);
    expect((await sirocco("deployments vault")).out).toMatch(new RegExp(`hardened: +only .* ${key_id}`));
    expect((await sirocco("deployments harden vault nothing")).code).toBe(1);
    expect((await sirocco("deployments unharden vault")).code).toBe(0);
    expect((await sirocco("deployments vault")).out).not.toContain("hardened");
    expect((await sirocco(`key revoke ${key_id}`)).code).toBe(0);
  });

  it("show deployments and their workers", async () => {
    const all = await sirocco("deployments");
    expect(all.out).toMatch(/annex +active +1 of 1/);
    expect(all.out).toMatch(/shop +active +1 of 1/);
    expect((await sirocco("deployments shop")).out).toMatch(/shop-1 +active/);
    const { name, session_id } = JSON.parse((await sirocco("deployments shop --json")).out).workers[0];
    const load = { activities: 3, activity_slots: 100, workflow_tasks: 1, workflow_slots: 200, cached: 7 };
    const beat = await fetch(`${server.url}/v1/worker/heartbeat`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.env.SIROCCO_API_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({
        deployment: "shop",
        worker: name,
        session: session_id,
        load: { ...load, cpu: 1.5, memory_bytes: 300 * 2 ** 20 },
      }),
    });
    expect(await beat.json()).toMatchObject({ all_active: true });
    expect((await sirocco("deployments shop")).out).toMatch(
      /ACTIVITIES +EXECUTIONS +CPU +MEMORY\n.*shop-1 .* 3 of 100 +1 of 200 +150% +300 MiB/,
    );
    expect((await sirocco("deployments --workflow order --json")).out).not.toContain("annex");
    expect((await sirocco("deployments nobody")).code).toBe(1);
  });

  it("show an inactive deployment only when asked to", async () => {
    const stop = await server.worker("seasonal", [shared]);
    await stop();
    expect((await sirocco("deployments")).out).not.toContain("seasonal");
    expect((await sirocco("deployments --all")).out).toMatch(/seasonal +inactive/);
    expect((await sirocco("workflows")).out).toContain("seasonal (inactive)");
  });

  it("show workflows and their handlers", async () => {
    expect((await sirocco("workflows")).out).toMatch(/order +shop +approve +status +rename/);
    const one = await sirocco("workflows order");
    expect(one.out).toMatch(/title: +An order/);
    expect(one.out).toContain(
      'signal: approve  {"type":"object","properties":{"by":{"type":"string"}},"required":["by"]}',
    );
    expect((await sirocco("workflows nobody")).code).toBe(1);
  });
});

describe("logs", () => {
  it("shows what an execution logged, and follows it to its end", async () => {
    const stop = await server.worker("talks", [says], [tells]);
    await sirocco("start says --id said");
    const followed = await sirocco("logs said --follow");
    expect(followed.out.replaceAll(/[\d:.]+ {2}/g, "").split("\n")).toEqual([
      'INFO   says  begun order="o-1"',
      "WARN   tells (1)  low",
    ]);
    await stop();
    expect((await sirocco("logs said")).out).toBe(followed.out);
    expect((await sirocco("logs said --activity 1")).out).toMatch(/WARN {3}tells \(1\) {2}low$/);
    expect((await sirocco("logs --deployment talks --since 1h --workflow says")).out).toMatch(/ said {2}says {2}begun/);
    expect(JSON.parse((await sirocco("logs said --activity 1 --json")).out)).toMatchObject({ body: "low" });
  });

  it("refuses options that do not fit together", async () => {
    for (const line of ["logs", "logs a --deployment b", "logs a --worker w", "logs --deployment b --activity 1"]) {
      expect((await sirocco(line)).code).toBe(2);
    }
  });
});

describe("tail without an id", () => {
  it("follows the whole workspace from now on, or after a sequence", async () => {
    await sirocco(`start order --wait --id before -i {"amount":1}`);
    const stop = new AbortController();
    const seen: string[] = [];
    const followed = new Promise<void>((resolve) => {
      const onLine = (line: string) => {
        seen.push(line);
        if (line.includes("COMPLETED") && line.includes("after-1")) resolve();
      };
      void sirocco("tail --since 100ms", { signal: stop.signal, onLine }).then(() => resolve());
    });
    await sirocco(`start order --wait --id after-1 -i {"amount":1}`);
    await followed;
    stop.abort();
    expect(seen.some((line) => line.includes("order after-1  started"))).toBe(true);
    const sequence = Number(/ (\d+) {2}order after-1 {2}started/.exec(seen.join("\n"))?.[1]);

    const again = new AbortController();
    const lines: string[] = [];
    const onLine = (line: string) => {
      lines.push(line);
      if (line.includes("WORKFLOW_EXECUTION_COMPLETED")) again.abort();
    };
    expect(
      (await sirocco(`tail --after ${sequence} --json --workflow order`, { signal: again.signal, onLine })).code,
    ).toBe(0);
    expect(JSON.parse(lines[0]!).broker_sequence).toBe(sequence + 1);
  });

  it("refuses filters together with an id", async () => {
    expect((await sirocco("tail some --workflow order")).code).toBe(2);
  });
});

describe("doctor", () => {
  it("reports no problem, and shows no secret", async () => {
    const ran = await sirocco("doctor");
    expect(ran.code).toBe(0);
    expect(ran.out).not.toMatch(/failed/);
    expect(ran.out).not.toContain(server.env.SIROCCO_API_KEY);
    expect(ran.out).toMatch(/worker +shop-1 of shop, process \d+, session \S+: heartbeat .* ago/);
  });

  it("gives advice as a list, one hint on a line", async () => {
    const env = { SIROCCO_URL: nowhere, SIROCCO_API_KEY: "k" };
    const { checks } = JSON.parse((await cli(["doctor", "--json"], { env })).out);
    expect(checks.at(-1).advice.length).toBe(2);
    const { out } = await cli(["doctor"], { env });
    for (const line of checks.at(-1).advice) expect(out.split("\n").map((each) => each.trim())).toContain(line);
  });

  it("distinguishes a wrong key from a missing server", async () => {
    const wrong = await cli(["doctor", "--json"], {
      env: { ...server.env, SIROCCO_API_KEY: "not-the-key", DEPLOYMENT_NAME: "a b" },
    });
    expect(wrong.code).toBe(1);
    const { checks } = JSON.parse(wrong.out);
    expect(checks).toContainEqual(expect.objectContaining({ check: "key", state: "failed" }));
    expect(checks).toContainEqual(expect.objectContaining({ check: "environment", state: "warning" }));
    const gone = await cli(["doctor"], { env: { SIROCCO_URL: nowhere, SIROCCO_API_KEY: "k" } });
    expect(gone.code).toBe(3);
    expect(gone.out).toContain("npx sirocco dev");
  });
});

describe("a server that cannot be used", () => {
  it("that is not running is code 3, with advice to start one", async () => {
    const ran = await cli(["list"], { env: { SIROCCO_URL: nowhere, SIROCCO_API_KEY: "k" } });
    expect(ran.code).toBe(3);
    expect(ran.err).toContain("nothing listens there (connection refused)");
    expect(ran.err).toContain("npx sirocco dev");
  });

  it("that does not know the key is code 1, with the origin of the key", async () => {
    const ran = await cli(["list", "--key", "wrong"], { env: server.env });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("The API key is not known here");
    expect(ran.err).toContain("comes from --key");
  });

  it.each([
    [403, '{"message":"Missing Authentication Token"}', "use the stack's output ApiUrl as it is"],
    [403, '{"message":"Forbidden"}', "use the stack's output ApiUrl as it is"],
    [403, "<html>403</html>", "not an answer of a Sirocco server"],
    [413, '{"message":"Request Too Long"}', "The request is too large for what stands before the server"],
    [414, "", "filter by less"],
    [429, '{"message":"Too Many Requests"}', "the setting apiRequestsPerSecond"],
    [431, "", "The headers are too large"],
    [502, '{"message":"Internal server error"}', "A read can be repeated"],
    [504, '{"message":"Endpoint request timed out"}', "look before you repeat it"],
    [413, '{"detail":"The request is larger than 10 MB.","code":"PAYLOAD_TOO_LARGE"}', "larger than 10 MB"],
    [
      429,
      '{"detail":"Too many requests at once. Try again in a second.","code":"RATE_LIMITED"}',
      "Try again in a second",
    ],
  ])("whose front refuses with %i %s gets advice", async (status, body, words) => {
    const front = createServer((request, response) =>
      request.resume().once("end", () => response.writeHead(status, { "content-type": "application/json" }).end(body)),
    ).listen(0, "127.0.0.1");
    await once(front, "listening");
    const SIROCCO_URL = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    const ran = await cli(["list"], { env: { SIROCCO_URL, SIROCCO_API_KEY: "k" } });
    front.closeAllConnections();
    front.close();
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(words);
  });

  it("without a key or with a wrong address is code 2, before any request", async () => {
    expect((await cli(["list"], { env: { SIROCCO_URL: server.url } })).err).toContain("SIROCCO_API_KEY is not set");
    const strange = await cli(["list"], { env: { SIROCCO_URL: "localhost:7411", SIROCCO_API_KEY: "k" } });
    expect(strange.code).toBe(2);
    expect(strange.err).toContain("SIROCCO_URL is 'localhost:7411'");
  });

  it("that is another program is reported as such", async () => {
    const other = createServer((_, response) => response.writeHead(404).end("<h1>nginx</h1>"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const ran = await cli(["list", "--url", url], { env: server.env });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("not an answer of a Sirocco server");
    await new Promise((resolve) => other.close(resolve));
  });
});

describe("key", () => {
  it("makes, lists and revokes keys", async () => {
    const made = await sirocco("key create ci --rights read");
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^SIROCCO_API_KEY=sk_\S+$/) });
    const key = made.out.split("=")[1]!;
    expect((await cli(["list"], { env: { ...server.env, SIROCCO_API_KEY: key } })).code).toBe(0);
    const listed = await sirocco("key list");
    expect(listed.out).not.toContain(key);
    const id = /^(\S+) +read .*ci$/m.exec(listed.out)?.[1];
    expect(made.err).toContain(`key ${id}, rights read`);
    expect(await sirocco(`key revoke ${id}`)).toMatchObject({ code: 0, out: `${id} revoked` });
    const refused = await cli(["list", "--json"], { env: { ...server.env, SIROCCO_API_KEY: key } });
    expect(JSON.parse(refused.err).error).toMatchObject({ status: 401, code: "UNAUTHORIZED", exit: 1 });
  });

  it("makes a key that expires, and shows when", async () => {
    const made = await sirocco("key create contractor --rights read --expires 90d");
    const day = new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10);
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining(`until ${day}`) });
    expect((await sirocco("key list")).out).toMatch(new RegExp(`^\\S+ +read .*${day}.*contractor$`, "m"));
    const mine = { ...server.env, SIROCCO_API_KEY: made.out.split("=")[1]! };
    expect((await cli(["whoami"], { env: mine })).out).toMatch(new RegExp(`expires:? +${day}`));
  });

  it.each([
    ["key create x --expires 10s", 2, "a key lasts from a minute to ten years"],
    ["key create x --expires soon", 2, "--expires"],
    ["key revoke nothing", 1, "`sirocco key list` shows the keys"],
    ["key create x --rights owner", 2, "each right must be one of read, operate, work, admin"],
    ["key list --region eu-west-1", 2, "--region needs --table"],
    ["key list --table t --workspace new", 2, "it must be default, or a UUID"],
  ])("refuses `%s` with code %i", async (line, code, words) => {
    const ran = await sirocco(line);
    expect([ran.code, ran.err]).toEqual([code, expect.stringContaining(words)]);
  });

  it("keeps the last admin key", async () => {
    const { keys } = JSON.parse((await sirocco("key list --json")).out);
    const ran = await sirocco(
      `key revoke ${keys.find((k: { rights: string[] }) => k.rights.includes("admin")).key_id}`,
    );
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("sirocco key create NAME")]);
  });
});

describe("a hint names the command that helps", () => {
  it.each([
    ["get nothing", "`sirocco list`"],
    ["history nothing", "`sirocco list`"],
    ["cancel nothing", undefined],
    ["deployments nothing", "`sirocco deployments --all`"],
    ["workflows nothing", "`sirocco workflows`"],
    ["schedule get nothing", "`sirocco schedule list`"],
    ["start nothing", "`sirocco workflows`"],
  ])("`%s`", async (line, command) => {
    const { code, err } = await sirocco(line);
    expect(code).toBe(1);
    if (command) expect(err).toContain(`  ${command} `);
  });
});

describe("each command of a client", () => {
  const words = (line: string) => [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3]!);
  const OF_THIS_MACHINE = new Set([
    "dev",
    "completion",
    "bootstrap",
    "deploy",
    "doctor",
    "restore",
    "schedule preview",
  ]);
  const leaves = commands.flatMap((c) => ("commands" in c ? [...(c.own ? [c.own] : []), ...c.commands] : [c]));
  const lines = leaves
    .filter(({ name }) => !OF_THIS_MACHINE.has(name))
    .flatMap(({ flags, examples }) => examples.map((example) => ({ example, hasJson: "json" in flags })))
    // Not those of a shell, with a file that is not there, or with the table itself.
    .filter(({ example }) => !/[|<>$@]|--table|--spec/.test(example))
    .map(({ example, hasJson }) => {
      const argv = words(example)
        .slice(1)
        .map((word) => (/^worker\.(ts|py)$/.test(word) ? import.meta.filename : word));
      return [example, hasJson && !argv.includes("--json") ? [...argv, "--json"] : argv, hasJson] as const;
    });

  it.each(
    lines,
  )("%s ends with 3 without a server, with 1 and the error where the key is wrong", async (_, argv, isJson) => {
    for (const [code, env] of [
      [3, { ...server.env, SIROCCO_URL: nowhere }],
      [1, { ...server.env, SIROCCO_API_KEY: "wrong" }],
    ] as const) {
      const ran = await cli(argv, { env, stdin: "{}" });
      expect(ran.code, ran.err).toBe(code);
      const said = code === 3 ? "Cannot reach the server" : "API key is not known";
      expect(ran.err + ran.out).toContain(said);
      // Commands with several ids answer for each of them.
      if (isJson && ran.out === "")
        expect(JSON.parse(ran.err)).toMatchObject({ error: { exit: code, advice: expect.any(Array) } });
    }
  });

  it.each([
    ["why none", "`sirocco list` shows"],
    ["signal none approve", "`sirocco list` shows"],
    ["query none status", "`sirocco list` shows"],
    ["update none rename", "`sirocco list` shows"],
    ["logs none", "`sirocco list` shows"],
    ["trace none", "`sirocco list` shows"],
    ["reset none --to start", "`sirocco list` shows"],
    ["jobs get none", "`sirocco jobs list` shows"],
    ["jobs abort none", "`sirocco jobs list` shows"],
    ["key revoke none", "`sirocco key list` shows"],
    ["workflows metrics none", "`sirocco workflows` lists"],
    ["workflows set none --title x", "`sirocco workflows` lists"],
    ["deployments unharden none", "`sirocco deployments --all` lists"],
    ["deployments harden shop none", "`sirocco key list` shows"],
    ["schedule why none", "`sirocco schedule list` shows"],
    ["schedule log none", "`sirocco schedule list` shows"],
  ])("%s ends with 1 and names the command that shows what there is", async (line, hint) => {
    const ran = await sirocco(line);
    expect([ran.code, ran.out]).toEqual([1, ""]);
    expect(ran.err).toContain(hint);
  });
});

it("an address for workers alone is named as one", async () => {
  const workersOnly = createServer((request, response) => {
    const health = request.url === "/health";
    response.writeHead(health ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(health ? { status: "ok", version: "0.1.0" } : { detail: "nothing", code: "NO_ROUTE" }));
  }).listen(0, "127.0.0.1");
  await once(workersOnly, "listening");
  try {
    const url = `http://127.0.0.1:${(workersOnly.address() as AddressInfo).port}`;
    for (const command of ["list", "doctor"]) {
      const { code, out, err } = await cli([command, "--url", url, "--key", "k"]);
      expect([code, out + err]).toEqual([1, expect.stringContaining("use the output ApiUrl")]);
    }
  } finally {
    workersOnly.close();
    workersOnly.closeAllConnections();
  }
});
