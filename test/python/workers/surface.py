"""What the SDK's documentation shows, in one worker. Nothing in it knows of Sirocco."""

import asyncio
import logging
import os
import time
from datetime import timedelta

import mistralai.workflows as workflows
import structlog
import temporalio.exceptions
import temporalio.workflow
from mistralai.workflows import ActivityError, Depends, InteractiveWorkflow, WorkflowError, workflow
from pydantic import BaseModel, Field


log = logging.getLogger("shop")
structured = structlog.get_logger("shop.structured")


class Reservation(BaseModel):
    order: str
    reserved: int


@workflows.activity()
async def reserve(order: str, amount: int) -> Reservation:
    async with workflows.task("reserving", state={"progress": 0}) as task:
        await task.update_state({"progress": 100})
    structured.info("reserving", order=order)
    return Reservation(order=order, reserved=amount)


@workflows.activity(retry_policy_max_attempts=5, start_to_close_timeout=timedelta(minutes=1))
async def charge(reservation: Reservation, key: str) -> str:
    return f"charged {reservation.reserved} for {reservation.order} under {len(key)} characters"


@workflow.define(name="order", workflow_display_name="Order", workflow_description="Reserves, waits, charges")
class Order:
    def __init__(self) -> None:
        self.approved: str | None = None

    @workflow.signal(name="approve", description="Somebody approves")
    async def approve(self, by: str) -> None:
        self.approved = by

    @workflow.query(name="status")
    def status(self) -> dict:
        return {"approved": self.approved}

    @workflow.entrypoint
    async def run(self, order: str, amount: int = 1) -> str:
        log.info("ordered %s", order)
        reservation = await reserve(order, amount)
        log.warning("reserved", extra={"amount": amount})
        receipt = await charge(reservation, str(workflow.uuid4()))
        async with workflows.task("waiting", state={"for": "approval"}):
            try:
                await workflow.wait_condition(lambda: self.approved is not None, timeout=timedelta(days=2))
            except asyncio.TimeoutError:
                return f"{receipt}; nobody approved"
        return f"{receipt}; approved by {self.approved}"


class Approval(BaseModel):
    approved: bool
    by: str = Field(min_length=2)


@workflow.define(name="people")
class People(InteractiveWorkflow):
    @workflow.entrypoint
    async def run(self) -> str:
        answer = await self.wait_for_input(Approval, label="Approve?", timeout=timedelta(days=1))
        return f"{answer.approved} by {answer.by}"


@workflows.activity()
async def double(n: int) -> int:
    return 2 * n


class ChildInput(BaseModel):
    n: int


class ChildOutput(BaseModel):
    doubled: int


@workflow.define(name="child")
class Child:
    @workflow.entrypoint
    async def run(self, params: ChildInput) -> ChildOutput:
        if params.n == 2:
            raise WorkflowError("two is not liked")
        return ChildOutput(doubled=await double(params.n))


@workflow.define(name="family")
class Family:
    @workflow.entrypoint
    async def run(self, n: int) -> list[str]:
        out = []
        for i in range(n):
            try:
                child = await workflow.execute_workflow(
                    Child, ChildInput(n=i), execution_timeout=timedelta(minutes=5)
                )
                out.append(str(child.doubled))
            except Exception as error:
                out.append(f"{type(error).__name__}: {error.__cause__}")
        handle = await workflow.execute_workflow(Child, ChildInput(n=21), wait=False)
        return [*out, str((await handle).doubled)]


class Item(BaseModel):
    i: int


@workflows.activity()
async def square(item: Item) -> int:
    return item.i**2


@workflow.define(name="fanout")
class Fanout:
    @workflow.entrypoint
    async def run(self, n: int) -> int:
        items = [Item(i=i) for i in range(n)]
        return sum(
            await workflows.execute_activities_in_parallel(square, items=items, max_concurrent_scheduled_tasks=10)
        )


@workflows.activity()
async def next_item(previous: Item | None = None) -> Item | None:
    following = 1 if previous is None else previous.i + 1
    return Item(i=following) if following <= 4 else None


@workflows.activity()
async def item_at(params: workflows.GetItemFromIndexParams) -> Item:
    return Item(i=params.idx + 1)


@workflow.define(name="streamed")
class Streamed:
    """The two other ways to fan out: each item found from the one before, and each by its number."""

    @workflow.entrypoint
    async def run(self) -> list[int]:
        chain = await workflows.execute_activities_in_parallel(square, get_item_from_prev_item_activity=next_item)
        pages = await workflows.execute_activities_in_parallel(
            square, get_item_from_index_activity=item_at, n_items=5, max_concurrent_executions_per_worker=2
        )
        return [*sorted(chain), sum(pages)]


@workflow.define(name="gathered")
class Gathered:
    @workflow.entrypoint
    async def run(self, n: int) -> int:
        return sum(await asyncio.gather(*(double(i) for i in range(n))))


class Page(BaseModel):
    page: int = 0
    total: int = 0


@workflow.define(name="pages")
class Pages:
    @workflow.entrypoint
    async def run(self, params: Page) -> int:
        total = params.total + await double(params.page)
        if params.page < 3:
            workflow.continue_as_new(Page(page=params.page + 1, total=total))
        return total


@workflow.define(name="counter")
class Counter:
    def __init__(self) -> None:
        self.value, self.stopped = 0, False

    @workflow.update(name="add")
    async def add(self, by: int) -> int:
        if by < 0:
            raise WorkflowError("only up")
        self.value += await double(by)
        return self.value

    @workflow.query(name="value")
    def get(self) -> int:
        return self.value

    @workflow.signal(name="stop")
    def stop(self) -> None:
        self.stopped = True

    @workflow.entrypoint
    async def run(self, start: int) -> int:
        self.value = start
        await workflow.wait_condition(lambda: self.stopped)
        return self.value


@workflows.activity(retry_policy_max_attempts=2)
async def broken(why: str) -> str:
    raise ValueError(why)


@workflow.define(name="fails")
class Fails:
    @workflow.entrypoint
    async def run(self, how: str) -> str:
        if how == "workflow_error":
            raise WorkflowError("on purpose")
        if how == "activity":
            return await broken("it broke")
        if how == "caught":
            try:
                await broken("it broke")
            except ActivityError as error:
                return f"{type(error.cause).__name__} {error.cause.type}: {error.cause.message}"
        if how == "timeout":
            await workflow.wait_condition(lambda: False, timeout=0.05)
        if how == "sandbox":
            return str(time.time()) + str(os.listdir("/"))
        return {}["no such key"]


@workflows.activity(heartbeat_timeout=timedelta(seconds=30))
async def slow(path: str) -> str:
    while not os.path.exists(path):
        workflows.activity_heartbeat({"waits for": path})
        await asyncio.sleep(0.05)
    return "slow"


@workflows.activity()
async def clean(what: str) -> str:
    return f"cleaned {what}"


@workflow.define(name="cleanup")
class Cleanup:
    def __init__(self) -> None:
        self.cleaned = ""

    @workflow.query(name="cleaned")
    def get(self) -> str:
        return self.cleaned

    @workflow.entrypoint
    async def run(self, path: str) -> str:
        try:
            await asyncio.gather(workflow.sleep(timedelta(hours=1)), slow(path))
        except asyncio.CancelledError:
            self.cleaned = await clean("all")
            raise
        return "done"


@workflow.define(name="local")
class Local:
    @workflow.entrypoint
    async def run(self) -> int:
        with workflows.run_activities_locally():
            first = await double(1)
        return first + await double(2)


@workflows.activity(retry_policy_max_attempts=3)
async def third_time(path: str) -> int:
    with open(path, "a") as book:
        book.write("try\n")
    with open(path) as book:
        tries = len(book.readlines())
    if tries < 3:
        raise RuntimeError(f"try {tries}")
    return tries


@workflow.define(name="retried")
class Retried:
    @workflow.entrypoint
    async def run(self, path: str) -> int:
        return await third_time(path)


async def connection() -> dict:
    return {"dsn": "db"}


@workflows.activity()
async def with_db(n: int, db: dict = Depends(connection)) -> str:
    return f"{db['dsn']}{n}"


@workflow.define(name="injected")
class Injected:
    @workflow.entrypoint
    async def run(self) -> str:
        return await with_db(7)


@workflows.activity()
async def outer(n: int) -> int:
    return await double(n) + 1


@workflow.define(name="nested")
class Nested:
    @workflow.entrypoint
    async def run(self) -> str:
        now, dice = workflow.now(), workflow.random().random()
        await asyncio.sleep(0.01)
        return f"{await outer(3)} {workflow.now() > now} {0 <= dice < 1} {workflows.get_execution_id()}"


@workflow.define(name="found", search_keys=["customer"])
class Found:
    @workflow.entrypoint
    async def run(self, customer: str) -> str:
        await workflow.add_search_keys({"stage": "begun", "gone": "soon"})
        await workflow.delete_search_keys(["gone"])
        return customer


@workflow.define(name="unchecked", enforce_determinism=False)
class Unchecked:
    @workflow.entrypoint
    async def run(self) -> int:
        return await double(4)


@workflows.activity()
async def not_a_number() -> float:
    return float("nan")


@workflows.activity()
async def too_large() -> str:
    return "x" * 3 * 1024 * 1024


@workflows.activity()
async def half_a_pair() -> str:
    return "cut: \ud83d"


@workflow.define(name="odd")
class Odd:
    @workflow.entrypoint
    async def run(self, what: str) -> str:
        if what == "half":
            return "cut: \ud83d"
        if what == "half of an activity":
            return await half_a_pair()
        return str(await (not_a_number() if what == "nan" else too_large()))


@workflow.define(name="dice")
class Dice:
    """What a replay must find again: time, random numbers, ids, and a patch."""

    @workflow.entrypoint
    async def run(self) -> list[str]:
        seen = [str(workflow.uuid4()), str(workflow.random().random()), workflow.now().isoformat()]
        if temporalio.workflow.patched("roll-twice"):
            seen.append(str(await double(workflow.random().randint(1, 6))))
        await asyncio.sleep(workflow.random().random() / 10)
        words = {word: await double(len(word)) for word in sorted({"alpha", "be", "gamma", "delta"})}
        return [*seen, str(words), str(workflow.uuid4())]


@workflow.define(name="settled")
class Settled:
    """The way that the patch `double-first` began is the only one by now."""

    @workflow.entrypoint
    async def run(self) -> int:
        temporalio.workflow.deprecate_patch("double-first")
        return await double(21)


@workflow.define(name="messenger")
class Messenger:
    """Sends messages to other executions, and tells why one was not taken."""

    @workflow.entrypoint
    async def run(self, signalled: str, cancelled: str) -> str:
        handle = temporalio.workflow.get_external_workflow_handle
        await handle(signalled).signal("approve", {"by": "Ada"})
        await handle(cancelled).cancel()
        try:
            await handle("nobody").signal("approve", {"by": "Ada"})
        except temporalio.exceptions.ApplicationError as error:
            return f"{error.type}: {error.message}"
        return "taken"


ALL = [
    Order, People, Child, Family, Fanout, Streamed, Gathered, Pages, Counter, Fails, Cleanup, Local, Retried, Injected,
    Nested, Found, Unchecked, Odd, Dice, Settled, Messenger,
]  # fmt: skip

if __name__ == "__main__":
    asyncio.run(workflows.run_worker(ALL))
