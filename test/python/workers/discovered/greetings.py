from mistralai.workflows import workflow


@workflow.define(name="greeting")
class GreetingWorkflow:
    @workflow.entrypoint
    async def run(self, name: str) -> str:
        return f"Hello, {name}"
