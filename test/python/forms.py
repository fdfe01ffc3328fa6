"""The JSON Schemas that the official SDK makes of its forms. Prints JSON."""

import json

from mistralai.workflows.conversational import (
    AcceptDeclineConfirmation,
    CanvasInput,
    ChatAssistantWorkingTask,
    ChatInput,
    ConfirmationInput,
    DateField,
    DateTimeField,
    FileField,
    FileWithMetadataValue,
    FormInput,
    MultiChoice,
    NumberField,
    SingleChoice,
    TextChunk,
    TextField,
    TodoListItemState,
    TodoListState,
)


class Form(FormInput):
    name: str = TextField("Your name", prefilled_value="Ada")
    booking: str = TextField("Booking", pattern=r"^00\d{8}$", error_message="00 and 8 digits")
    age: float = NumberField("Age", minimum=0, maximum=120, prefilled_value=25)
    price: float = NumberField("Price", exclusive_minimum=0, exclusive_maximum=100)
    day: str = DateField("Day", prefilled_value="2023-01-01")
    start: str = DateTimeField("Start", prefilled_value="2023-01-01T00:00:00+00:00")
    document: str = FileField("A document")
    documents: list[str] = FileField("Documents", multiple=True)
    described: FileWithMetadataValue = FileField("With its name", include_metadata=True)
    all_described: list[FileWithMetadataValue] = FileField("With names", multiple=True, include_metadata=True)
    priority: str = SingleChoice([("low", "Low"), ("high", "High")], description="Priority", prefilled_value="low")
    plain: str = SingleChoice(["a", "b"])
    tags: list[str] = MultiChoice([("x", "X"), ("y", "Y")], description="Tags", prefilled_value=["x"])


models = {
    "chat": ChatInput("Ask", suggestions=[[TextChunk(text="One")], [TextChunk(text="Two")]]),
    "plain_chat": ChatInput(),
    "canvas": CanvasInput("file://draft.md"),
    "canvas_with_chat": CanvasInput("file://draft.md", prompt="Feedback?"),
    "confirmation": ConfirmationInput([("yes", "Yes"), ("no", "No")], "Go on?"),
    "accept": AcceptDeclineConfirmation("Go on?"),
    "accept_only": AcceptDeclineConfirmation("Go on?", accept_label="Understood", decline_label=None),
    "form": Form,
}
states = {
    "todo_list": TodoListState(items=[TodoListItemState(id="1", title="Check", description="")]).model_dump(),
    "working": ChatAssistantWorkingTask(title="Looking", content="…").model_dump(),
}
print(json.dumps({"schemas": {name: model.model_json_schema() for name, model in models.items()}, "states": states}))
