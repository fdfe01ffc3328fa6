"""An agent that researches a question: it fans out, streams its answer word by word, and asks a person before it publishes.

Start a server (`npx sirocco dev`), then, in a folder with `mistralai-workflows` and `sirocco-worker` installed:

    SERVER_URL=http://127.0.0.1:7411 DEPLOYMENT_NAME=agents MISTRAL_API_KEY=sk_… python agent.py
    npx sirocco start research --input '{"question": "Why is the sky blue?"}' --id sky
    npx sirocco tail sky

The "model" below is a stand-in that needs no key of a provider: put your own calls into `search` and `write`.
"""

import asyncio
from datetime import timedelta

import mistralai.workflows as workflows
from mistralai.workflows import InteractiveWorkflow, workflow
from pydantic import BaseModel

SOURCES = ["encyclopedia", "papers", "forum"]


class Finding(BaseModel):
    source: str
    text: str


class Approval(BaseModel):
    approved: bool
    by: str


class Report(BaseModel):
    answer: str
    approved_by: str | None


@workflows.activity(start_to_close_timeout=timedelta(minutes=2), retry_policy_max_attempts=5)
async def search(source: str, question: str) -> Finding:
    return Finding(source=source, text=f"what the {source} says about: {question}")


@workflows.activity(start_to_close_timeout=timedelta(minutes=5))
async def write(question: str, findings: list[Finding]) -> str:
    words = f"{question} Here is {', and '.join(finding.text for finding in findings)}.".split()
    answer = ""
    async with workflows.task("writing", state={"answer": answer}) as task:
        for word in words:
            answer = f"{answer} {word}".strip()
            await task.update_state({"answer": answer})  # streamed to whoever follows the execution
            await asyncio.sleep(0)
    return answer


@workflow.define(name="research", workflow_display_name="Research", execution_timeout=timedelta(days=7))
class Research(InteractiveWorkflow):
    @workflow.entrypoint
    async def run(self, question: str) -> Report:
        findings = await asyncio.gather(*(search(source, question) for source in SOURCES))
        answer = await write(question, list(findings))
        try:
            approval = await self.wait_for_input(Approval, label="Publish this answer?", timeout=timedelta(days=3))
        except asyncio.TimeoutError:
            return Report(answer=answer, approved_by=None)
        return Report(answer=answer, approved_by=approval.by if approval.approved else None)


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Research]))
