/** `@sirocco/sdk/forms`: schemas for `waitForInput` that chats show as forms, and tasks that they show as progress. */
import "../node-check.ts";

export { type ChoiceOptions, multiChoice, type Option, singleChoice } from "./choices.ts";
export {
  dateField,
  dateTimeField,
  type FileWithMetadata,
  fileField,
  filesField,
  filesWithMetadataField,
  fileWithMetadataField,
  type NumberOptions,
  numberField,
  type TextOptions,
  textField,
} from "./fields.ts";
export {
  acceptOrDecline,
  type ChatMessage,
  canvasInput,
  canvasInputWithChat,
  chatInput,
  confirmation,
  formInput,
  textOf,
} from "./inputs.ts";
export { type TodoItem, type TodoList, type TodoStatus, todoList, type Working, working } from "./tasks.ts";
