/** Progress that a chat shows in a form of its own: a list of things to do, and what is being done. */
import { UsageError } from "../errors.ts";
import { commandFrame, currentFrame } from "../runtime/frame.ts";
import { newTaskId, type TaskHandle, task } from "../workflow/task.ts";

export type TodoStatus = "todo" | "in_progress" | "done";

interface TodoState {
  readonly items: readonly { id: string; status: TodoStatus; title: string; description: string }[];
}

export interface TodoItem {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly status: TodoStatus;
  set(status: TodoStatus): void;
  /** Runs `fn` while the item is in progress. Afterwards it is done; if `fn` throws, it stays in progress. */
  run<T>(fn: () => T | Promise<T>): Promise<T>;
}

export interface TodoList {
  readonly items: readonly TodoItem[];
  add(item: { readonly title: string; readonly description?: string }): TodoItem;
  remove(item: TodoItem): void;
}

/** A task `todo_list` while `fn` runs. In workflow code and in activities. */
export function todoList<T>(
  titles: readonly (string | { readonly title: string; readonly description?: string })[],
  fn: (list: TodoList) => T | Promise<T>,
): Promise<T> {
  const list = new Todos();
  for (const item of titles) list.put(typeof item === "string" ? { title: item } : item);
  return task<TodoState, T>("todo_list", list.state, (handle) => {
    list.handle = handle;
    return fn(list);
  });
}

class Todos implements TodoList {
  handle: TaskHandle<TodoState> | null = null;
  #items: Todo[] = [];

  get items(): readonly Todo[] {
    return this.#items;
  }

  get state(): TodoState {
    return { items: this.#items.map(({ id, status, title, description }) => ({ id, status, title, description })) };
  }

  put({ title, description = "" }: { readonly title: string; readonly description?: string }): Todo {
    const frame = currentFrame();
    const id = newTaskId(frame?.kind === "activity" ? frame : commandFrame("todoList()"));
    const item = new Todo(id, title, description, () => this.show());
    this.#items.push(item);
    return item;
  }

  add(item: { readonly title: string; readonly description?: string }): Todo {
    const added = this.put(item);
    this.show();
    return added;
  }

  remove(item: TodoItem): void {
    if (!this.#items.some((each) => each === item)) throw new UsageError(`"${item.title}" is not in this list.`);
    this.#items = this.#items.filter((each) => each !== item);
    this.show();
  }

  show(): void {
    this.handle?.set(this.state);
  }
}

class Todo implements TodoItem {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  status: TodoStatus = "todo";
  readonly #show: () => void;

  constructor(id: string, title: string, description: string, show: () => void) {
    this.id = id;
    this.title = title;
    this.description = description;
    this.#show = show;
  }

  set(status: TodoStatus): void {
    this.status = status;
    this.#show();
  }

  async run<T>(fn: () => T | Promise<T>): Promise<T> {
    this.set("in_progress");
    const result = await fn();
    this.set("done");
    return result;
  }
}

/** What a chat shows of work under way. `type`: `tool`, `thinking`, or a word of your own. */
export interface Working {
  readonly type: string;
  readonly title: string;
  readonly content: string;
  /** The state of a tool, as the chat knows it. */
  readonly toolUIState: Readonly<Record<string, unknown>> | null;
}

/** A task `working` while `fn` runs. `set` shows further content. In workflow code and in activities. */
export function working<T>(
  shown: { readonly title: string; readonly content?: string } & Partial<Working>,
  fn: (task: { set(next: Partial<Working>): void }) => T | Promise<T>,
): Promise<T> {
  const state: Working = { type: "tool", content: "", toolUIState: null, ...shown };
  return task<Working, T>("working", state, (handle) =>
    fn({ set: (next) => handle.set((before) => ({ ...before, ...next })) }),
  );
}
