"""An agent of the plugin `mistralai`, with a tool that is an activity. The model is a function, as in the plugin's own tests."""

import asyncio

import mistralai.workflows as workflows
from mistralai.workflows import workflow

with workflow.unsafe.imports_passed_through():
    from mistralai.client import models
    from mistralai.workflows.plugins.mistralai import Agent, Runner
    from mistralai.workflows.plugins.mistralai.session import MockSession


@workflows.activity()
async def weather(city: str) -> str:
    return f"rain in {city}"


def said(message: models.AssistantMessage, reason: str) -> models.ChatCompletionResponse:
    choice = models.ChatCompletionChoice(index=0, message=message, finish_reason=reason)
    usage = models.UsageInfo(prompt_tokens=0, completion_tokens=0, total_tokens=0)
    return models.ChatCompletionResponse(
        id="1", object="chat.completion", model="none", usage=usage, created=0, choices=[choice]
    )


async def model(request: models.ChatCompletionRequest) -> models.ChatCompletionResponse:
    last = request.messages[-1]
    if last.role == "tool":
        return said(models.AssistantMessage(content=f"Take an umbrella: {last.content}"), "stop")
    call = models.ToolCall(id="call00001", function=models.FunctionCall(name="weather", arguments={"city": "Brest"}))
    return said(models.AssistantMessage(content="", tool_calls=[call]), "tool_calls")


async def tool(_name: str, arguments: str | dict) -> str:
    assert isinstance(arguments, dict)
    return await weather(arguments["city"])


@workflow.define(name="agent")
class AgentWorkflow:
    @workflow.entrypoint
    async def run(self, question: str) -> str:
        agent = Agent(name="Weather", description="Knows the weather", tools=[weather])
        session = MockSession(model, tool_execute_callback=tool)
        outputs = await Runner.run(agent, question, session=session)
        return str(outputs[-1].text if hasattr(outputs[-1], "text") else outputs[-1])


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([AgentWorkflow]))
