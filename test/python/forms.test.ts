/** Forms of this SDK and of the official one: the same JSON Schemas, so that chats show the same. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { pythonEnvironment, whyNoPython } from "../../packaging/python-env.ts";
import * as forms from "../../sdk/forms/index.ts";
import { workflow } from "../../sdk/index.ts";
import { inputJsonSchema, type Schema } from "../../sdk/schema.ts";
import { testEnvironment } from "../../sdk/testing/index.ts";

type Json = Record<string, unknown>;

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the comparison of forms with the official SDK. ${cannotRun}`);

const schemas: Record<string, Schema> = {
  chat: forms.chatInput("Ask", { suggestions: ["One", "Two"] }),
  plain_chat: forms.chatInput(),
  canvas: forms.canvasInput("file://draft.md"),
  canvas_with_chat: forms.canvasInputWithChat("file://draft.md", "Feedback?"),
  confirmation: forms.confirmation("Go on?", [
    ["yes", "Yes"],
    ["no", "No"],
  ]),
  accept: forms.acceptOrDecline("Go on?"),
  accept_only: forms.acceptOrDecline("Go on?", { accept: "Understood", decline: null }),
  form: forms.formInput({
    name: forms.textField("Your name", { prefilled: "Ada" }),
    booking: forms.textField("Booking", { pattern: /^00\d{8}$/, errorMessage: "00 and 8 digits" }),
    age: forms.numberField("Age", { minimum: 0, maximum: 120, prefilled: 25 }),
    price: forms.numberField("Price", { exclusiveMinimum: 0, exclusiveMaximum: 100 }),
    day: forms.dateField("Day", { prefilled: "2023-01-01" }),
    start: forms.dateTimeField("Start", { prefilled: "2023-01-01T00:00:00+00:00" }),
    document: forms.fileField("A document"),
    documents: forms.filesField("Documents"),
    described: forms.fileWithMetadataField("With its name"),
    all_described: forms.filesWithMetadataField("With names"),
    priority: forms.singleChoice(
      [
        ["low", "Low"],
        ["high", "High"],
      ],
      { description: "Priority", prefilled: "low" },
    ),
    plain: forms.singleChoice(["a", "b"]),
    tags: forms.multiChoice(
      [
        ["x", "X"],
        ["y", "Y"],
      ],
      { description: "Tags", prefilled: ["x"] },
    ),
  }),
};

const MEANT = new Set(["ChatInput", "Canvas", "Confirmation", "FormInput", "File", "FileWithMetadata"]);

/** With references resolved, and without the titles that pydantic makes of the names of classes and fields. */
function comparable(value: unknown, defs: Json = {}): unknown {
  if (Array.isArray(value)) return value.map((each) => comparable(each, defs));
  if (typeof value !== "object" || value === null) return value;
  const { $defs, $ref, ...own } = value as { $defs?: Json; $ref?: string } & Json;
  const known = { ...defs, ...$defs };
  if ($ref !== undefined) return comparable({ ...(known[$ref.replace("#/$defs/", "")] as Json), ...own }, known);
  const kept = Object.entries(own).filter(
    ([key, each]) => key !== "title" || typeof each !== "string" || MEANT.has(each),
  );
  return Object.fromEntries(kept.map(([key, each]) => [key, comparable(each, known)]));
}

describe.skipIf(cannotRun)("as the official SDK makes them", () => {
  let official: { schemas: Record<string, Json>; states: Record<string, Json> };
  beforeAll(async () => {
    const python = await pythonEnvironment();
    const { stdout } = await promisify(execFile)(python, [join(import.meta.dirname, "forms.py")]);
    official = JSON.parse(stdout);
  }, 180_000);

  test.each(Object.keys(schemas))("the schema of %s is the same", (name) => {
    expect(comparable(inputJsonSchema(schemas[name], name))).toEqual(comparable(official.schemas[name]));
  });

  test("the states of a list of things to do, and of work under way, have the same fields", async () => {
    const states: Record<string, Json> = {};
    const shown = workflow({ name: "shown" }, async () => {
      await forms.todoList(["Check"], (list) => list.items[0]!.run(() => {}));
      await forms.working({ title: "Looking", content: "…" }, () => {});
      return {};
    });
    await using env = await testEnvironment({ workflows: [shown] });
    const run = await env.start(shown, {});
    await run.result();
    for (const event of await run.history()) {
      if (event.kind !== "custom_task" || event.event !== "started") continue;
      states[event.task_type] = (event.attributes.payload as unknown as { value: Json }).value;
    }
    const [item] = states.todo_list!.items as [Json];
    expect(official.states.todo_list).toEqual({ items: [{ ...item, id: "1" }] });
    expect(official.states.working).toEqual(states.working);
  });
});
