/** Open questions to people, over all executions: from heads and histories, without asking any worker. */
import { isInputEvent } from "../core/human-inputs.ts";
import { type Question, questionAt } from "../core/questions.ts";
import { isUnreadable } from "../lib/readable.ts";
import type { WaitingExecution } from "../ports.ts";
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import { timestamp } from "../protocol/http/fields.ts";
import { MAX_LIST_BYTES } from "../protocol/limits.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { isCount, isText, type Place, readToken, writeToken } from "./page.ts";
import type { RequestContext } from "./request-context.ts";

type Input = ResponseOf<"listInputs">["inputs"][number];

/** Below the 29 s after which API Gateway gives up. The page ends then. */
const READ_MS: Millis = 15_000;
/** Executions that are read from the index at once. */
const AT_ONCE = 25;
/** Of a history that is folded (INPUTS-2). */
const PAGE = { events: 500, bytes: 64 * 1024 };
const API = "/v1/workflows";

/** After which question the list goes on: the begin of the execution's wait, its id, the event of the question. */
interface After {
  readonly since: Millis;
  readonly execution: string;
  readonly event: number;
}

export async function listInputs(
  context: RequestContext,
  query: QueryOf<"listInputs">,
): Promise<ResponseOf<"listInputs"> | Refusal> {
  const { ports, workspace } = context;
  const asked = placeOf(query);
  if (isRefusal(asked)) return asked;
  let after = asked;
  const until = ports.clock.now() + READ_MS;
  const inputs: Input[] = [];
  let bytes = 0;
  for (;;) {
    const some = await ports.executions.openInputs({
      workspace,
      limit: AT_ONCE,
      ...(query.workflow_name !== undefined && { workflow: query.workflow_name }),
      ...(after && { after }),
    });
    for (const waiting of some) {
      const { since, execution } = waiting;
      for (const { event, input } of await shownOf(context, waiting, after)) {
        bytes += Buffer.byteLength(JSON.stringify(input));
        const full = inputs.length === query.limit || bytes > MAX_LIST_BYTES;
        if (full && inputs.length > 0) return { inputs, next_cursor: tokenOf(query, after!) };
        inputs.push(input);
        after = { since, execution, event };
      }
      if (after?.execution !== execution) after = { since, execution, event: 0 };
      if (ports.clock.now() >= until) return { inputs, next_cursor: tokenOf(query, after) };
    }
    if (some.length < AT_ONCE) return { inputs, next_cursor: null };
    await ports.pause?.();
  }
}

function placeOf(query: QueryOf<"listInputs">): After | undefined | Refusal {
  const place = readToken(query, "cursor", query.cursor, [isCount, isText, isCount]);
  if (place === undefined || isRefusal(place)) return place;
  const [since, execution, event] = place as [number, string, number];
  return { since, execution, event };
}
const tokenOf = (query: QueryOf<"listInputs">, { since, execution, event }: After): string =>
  writeToken(query, [since, execution, event] satisfies Place);

/** What the list shows of an execution: nothing where its history cannot be read, so that it hides no other. */
async function shownOf(context: RequestContext, waiting: WaitingExecution, after: After | undefined) {
  try {
    const questions = await questionsOf(context, waiting, after);
    return questions.map((question) => ({ event: question.event, input: view(waiting.head!, question) }));
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    context.log.error("inputs: the history of an execution cannot be read, the list leaves it out", {
      execution: waiting.execution,
      error,
    });
    return [];
  }
}

/** Its open questions after the place, in the order of their begin. */
async function questionsOf(context: RequestContext, waiting: WaitingExecution, after: After | undefined) {
  const { head, execution } = waiting;
  if (head?.status !== "RUNNING" || !head.open_inputs) return [];
  const from = after?.execution === execution ? after.event : 0;
  const all = head.open_inputs.more ? await folded(context, head) : await kept(context, head, from);
  return all.filter(({ event }) => event > from);
}

async function kept({ ports }: RequestContext, head: Head, after: number): Promise<Question[]> {
  const wanted = head.open_inputs!.open.filter(({ event }) => event > after);
  const read = async ({ event }: { event: number }) => {
    const [batch] = await ports.executions.part(head, head.run, { from: event, order: "asc", events: 1, bytes: 1 });
    return batch ? questionAt(batch.events, event) : null;
  };
  return (await Promise.all(wanted.map(read))).filter((question) => question !== null);
}

/** INPUTS-2. */
async function folded({ ports }: RequestContext, head: Head): Promise<Question[]> {
  const open = new Map<string, Question>();
  for (let from = head.open_inputs!.open[0]?.event ?? 2; ; ) {
    const batches = await ports.executions.part(head, head.run, { from, order: "asc", ...PAGE });
    if (batches.length === 0) return [...open.values()];
    for (const { events } of batches) {
      for (const event of events.filter(isInputEvent)) {
        const question = questionAt(events, event.id);
        if (question) open.set(event.task, question);
        else open.delete(event.task);
      }
      from = events.at(-1)!.id + 1;
    }
    await ports.pause?.();
  }
}

function view(head: Head, question: Question): Input {
  const href = `${API}/executions/${encodeURIComponent(head.execution)}`;
  return {
    task_id: question.task,
    label: question.label,
    input_schema: question.schema,
    workflow_name: head.workflow,
    deployment_name: head.deployment,
    execution_id: head.execution,
    run_id: head.run,
    since: timestamp(question.since),
    until: question.until === null ? null : timestamp(question.until),
    answer: { href: `${href}/updates`, name: "__submit_input", input: { task_id: question.task } },
    links: [
      { rel: "answer", href: `${href}/updates` },
      { rel: "execution", href },
      { rel: "explain", href: `${href}/explain` },
    ],
  };
}
