"""What the SDK's settings change, and the helpers that the other workers do not use."""

import asyncio
import os
import sys
import time
from datetime import timedelta

sys.path.insert(0, os.path.join(os.environ["WORKERS"]))

import mistralai.workflows as workflows
from mistralai.workflows import ParentClosePolicy, discover_all_workflows_in_package, get_workflow_definition, workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

running = most = tries = 0


class Progress(BaseModel):
    done: int = 0


@workflows.activity()
async def counted() -> int:
    global running, most
    running += 1
    most = max(most, running)
    await asyncio.sleep(0.05)
    running -= 1
    return most


@workflows.activity()
async def broken() -> None:
    global tries
    tries += 1
    raise ValueError(f"try {tries}")


@workflows.activity()
async def tracked() -> int:
    async with workflows.task_from(Progress()) as task:
        await task.update_state({"done": 7})
    return 7


@workflow.define(name="plumbing", is_technical=True)
class Plumbing:
    @workflow.entrypoint
    async def run(self) -> str:
        return "flows"


@workflows.activity(name="called otherwise: now", retry_policy_max_attempts=4, retry_policy_backoff_coefficient=1.5)
async def named() -> str:
    return "named"


@workflow.define(name="hurried", execution_timeout=timedelta(seconds=2))
class Hurried:
    @workflow.entrypoint
    async def run(self) -> None:
        await named()
        await workflow.wait_condition(lambda: False)


@workflow.define(name="concurrent")
class Concurrent:
    @workflow.entrypoint
    async def run(self) -> list[int]:
        return list(await asyncio.gather(*(counted() for _ in range(4))))


@workflow.define(name="tried")
class Tried:
    @workflow.entrypoint
    async def run(self) -> None:
        await broken()


@workflows.activity()
async def megabyte() -> str:
    return "x" * 1_500_000


@workflow.define(name="filling")
class Filling:
    @workflow.entrypoint
    async def run(self) -> int:
        for n in range(20):
            if workflow.should_continue_as_new():
                return n
            await megabyte()
        return -1


@workflow.define(name="buggy")
class Buggy:
    @workflow.entrypoint
    async def run(self) -> str:
        return {}["no such key"]


@workflow.define(name="free")
class Free:
    @workflow.entrypoint
    async def run(self) -> str:
        assert time.time() > 0  # a violation in the sandbox
        async with workflows.task_from(Progress()) as task:
            await task.set_state(Progress(done=1))
        done = await tracked()
        return f"{done} {workflow.should_continue_as_new()}"


@workflow.define(name="lifted", enforce_determinism=True)
class Lifted:
    @workflow.entrypoint
    async def run(self) -> bool:
        with workflow.unsafe.skip_determinism_enforcement():
            return time.time() > 0


class Nothing(BaseModel):
    pass


@workflow.define(name="endless")
class Endless:
    @workflow.entrypoint
    async def run(self, params: Nothing) -> None:
        await workflow.wait_condition(lambda: False)


@workflow.define(name="leaving")
class Leaving:
    @workflow.entrypoint
    async def run(self) -> list[str]:
        ids = []
        for policy in (ParentClosePolicy.ABANDON, ParentClosePolicy.TERMINATE, ParentClosePolicy.REQUEST_CANCEL):
            child = await workflow.execute_workflow(Endless, Nothing(), wait=False, parent_close_policy=policy)
            ids.append(child.execution_id if hasattr(child, "execution_id") else child.id)
        return ids


async def main(found: list[type]) -> None:
    here = [Plumbing, Hurried, Concurrent, Tried, Filling, Buggy, Free, Lifted, Endless, Leaving]
    task = await workflows.run_worker([*here, *found], detach=True)
    assert task is not None
    print("detached", flush=True)
    await task


if __name__ == "__main__":
    found = discover_all_workflows_in_package("discovered")
    print("discovered", [get_workflow_definition(one).name for one in found], flush=True)
    asyncio.run(main(found))
