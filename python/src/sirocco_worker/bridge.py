"""What temporalio takes for its native core: a client, and a worker with twelve methods.

`install` puts `connect_client` and `new_worker` in the place of the native functions of the same name. Where the server is
no Sirocco, both pass the call on.

BRIDGE-1. One `Host` a process: the workers that the SDK makes for its queues (its own, one for sticky sessions, one for each rate
          limit) share one core and one registration. Only the worker of the deployment's own queue is ever given work.
BRIDGE-2. A worker polls until the core has stopped, and gets everything before `PollShutdownError`: cancellations that the stop
          brought must reach the activities, or they would never end.
BRIDGE-3. The core dies unasked: the polls raise, so that `run_worker` raises and the program ends.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
import temporalio.bridge.temporal_sdk_bridge as native
from temporalio.bridge.proto import ActivityHeartbeat, ActivityTaskCompletion, NamespaceInfo
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from sirocco_worker import ending, mistakes, replay, usage, values
from sirocco_worker.core import CoreDied, CoreProcess, NoNode
from sirocco_worker.frames import Message
from sirocco_worker.logs import ShippingHandler, shipped_level
from sirocco_worker.refusal import refuse
from sirocco_worker.run import Bug, Run
from sirocco_worker.versions import UnsupportedVersion, check_versions

logger = structlog.get_logger("sirocco_worker")

MAX_PAYLOAD_BYTES = 2 * 1024 * 1024
PROTOCOL = 1


def install() -> None:
    """Takes the seams. The native functions stay reachable for servers that are no Sirocco."""
    from sirocco_worker import http, lines, speed, unsendable

    if native.new_worker is new_worker:
        return
    global _native_connect, _native_new_worker
    _native_connect, _native_new_worker = native.connect_client, native.new_worker
    native.connect_client, native.new_worker = connect_client, new_worker
    lines.install()
    http.install()
    speed.install(http.is_known_sirocco)
    unsendable.install(http.is_known_sirocco)
    mistakes.install(http.is_known_sirocco)
    ending.end_cancelled_workers(lambda worker: isinstance(worker._bridge_worker._ref, WorkerRef))


_native_connect: Callable[[Any, Any], Coroutine[Any, Any, Any]] = native.connect_client
_native_new_worker: Callable[[Any, Any, Any], Any] = native.new_worker


async def connect_client(runtime: Any, config: Any) -> Any:
    from sirocco_worker import http

    if not await http.is_sirocco():
        return await _native_connect(runtime, config)
    try:
        check_versions()
    except UnsupportedVersion as error:
        refuse(str(error))
    ending.handle_signals()
    return ClientRef()


def new_worker(runtime: Any, client: Any, config: Any) -> Any:
    if not isinstance(client, ClientRef):
        return _native_new_worker(runtime, client, config)
    if Host.current is None:
        Host.current = Host()
    return Host.current.add(WorkerRef(Host.current, config.task_queue))


class ClientRef:
    """The connection to the server, of which temporalio only wants to know that it is there."""

    def update_metadata(self, metadata: Any) -> None: ...

    def update_api_key(self, key: str | None) -> None: ...

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"a Sirocco server has no Temporal API ({name}): use the client of the official SDK")


class WorkerRef:
    """The native worker of one task queue."""

    def __init__(self, host: "Host", queue: str) -> None:
        self.queue = queue
        self._host = host
        self._activations, self._tasks, self._nexus = Inbox(), Inbox(), Inbox()

    # --- what temporalio calls ----------------------------------------------------------------------------------------

    async def validate(self) -> bytes:
        info = NamespaceInfo()
        info.limits.blob_size_limit_error = MAX_PAYLOAD_BYTES
        info.limits.memo_size_limit_error = MAX_PAYLOAD_BYTES
        return info.SerializeToString()

    async def poll_workflow_activation(self) -> bytes:
        return await self._poll(self._activations)

    async def poll_activity_task(self) -> bytes:
        return await self._poll(self._tasks)

    async def poll_nexus_task(self) -> bytes:
        return await self._poll(self._nexus)

    async def complete_workflow_activation(self, data: bytes) -> None:
        self._host.activated(WorkflowActivationCompletion.FromString(data))

    async def complete_activity_task(self, data: bytes) -> None:
        completion = ActivityTaskCompletion.FromString(data)
        mistakes.end_if_forked(completion)
        self._host.attempt_ended(completion)

    async def complete_nexus_task(self, data: bytes) -> None:
        raise NotImplementedError("Sirocco has no Nexus operations")

    def record_activity_heartbeat(self, data: bytes) -> None:
        beat = ActivityHeartbeat.FromString(data)
        details = values.arguments(beat.details)
        self._host.send({"type": "beat", "attempt": beat.task_token.decode(), "details": details})

    def request_workflow_eviction(self, run_id: str) -> None: ...

    def replace_client(self, client: Any) -> None: ...

    def initiate_shutdown(self) -> None:
        self._host.stop(self)

    async def finalize_shutdown(self) -> None:
        await self._host.finish(self)

    # --- what the host calls ------------------------------------------------------------------------------------------

    def activate(self, activation: WorkflowActivation) -> None:
        self._activations.put(activation.SerializeToString())

    def task(self, task: ActivityTask) -> None:
        self._tasks.put(task.SerializeToString())

    def end(self) -> None:
        """Nothing more comes (BRIDGE-2)."""
        for inbox in (self._activations, self._tasks, self._nexus):
            inbox.end()

    async def _poll(self, inbox: "Inbox") -> bytes:
        data = await inbox.get()
        if data is not None:
            return data
        if (error := self._host.died) is not None and not self._host.stopping:
            raise error
        raise native.PollShutdownError()


class Inbox:
    """What waits for one poll. A poll makes no task: there are two for each step."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._ended = False
        self._poll: asyncio.Future[None] | None = None

    def put(self, data: bytes) -> None:
        self._waiting.append(data)
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    async def get(self) -> bytes | None:
        """None: it has ended, and nothing waits any more. One caller at a time."""
        while not self._waiting:
            if self._ended:
                return None
            self._poll = asyncio.get_running_loop().create_future()
            await self._poll
        return self._waiting.popleft()

    def _wake(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)


class Host:
    """This process as the core sees it: its runs, its attempts, and the requests under way."""

    current: "Host | None" = None

    def __init__(self) -> None:
        self.died: CoreDied | None = None
        self.stopping = False
        self._workers: list[WorkerRef] = []
        self._main_queue = _deployment()
        self._core: CoreProcess | None = None
        self._loop = asyncio.get_running_loop()
        self._runs: dict[str, Run] = {}
        self._waiting: dict[str, asyncio.Future[WorkflowActivationCompletion]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._attempts: dict[tuple[str, int, int], str] = {}
        self._by_attempt: dict[str, tuple[str, int, int]] = {}
        self._registration: asyncio.Future[Message] | None = None
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, worker: WorkerRef) -> WorkerRef:
        if worker.queue == self._main_queue and any(w.queue == worker.queue for w in self._workers):
            refuse(
                f"this process already runs a worker of deployment '{worker.queue}': call run_worker once, "
                "with all workflows, or start a second process"
            )
        self._workers.append(worker)
        return worker

    @property
    def main(self) -> WorkerRef:
        return next(worker for worker in self._workers if worker.queue == self._main_queue)

    def send(self, message: Message) -> None:
        if self._core is not None:
            self._core.send(message)

    # --- registration and end -----------------------------------------------------------------------------------------

    async def register(self, hello: Message) -> Message:
        """Starts the core and registers; the answer is its `running` or `refused`. Repeated, it answers the same again."""
        if self._registration is None:
            self._registration = self._loop.create_future()
            level = shipped_level()
            try:
                self._core = CoreProcess(self._take, self._core_ended)
            except NoNode as error:
                refuse(str(error))
            logger.info("worker core runs", pid=self._core.pid)
            self._core.send({"type": "hello", "v": PROTOCOL, "call": 1, "ship_logs": level or "off", **hello})
            if level is not None:
                logging.getLogger().addHandler(ShippingHandler(level, self._log_of_attempt, self._log_of_run))
        return await asyncio.shield(self._registration)  # a caller that is cancelled does not end it for the others

    def stop(self, worker: WorkerRef) -> None:
        if worker is not self.main or self._core is None:
            worker.end()
        elif not self.stopping:
            self.stopping = True
            if self.died is None:
                self.send({"type": "stop", "grace_ms": 0})

    async def finish(self, worker: WorkerRef) -> None:
        self._workers.remove(worker)
        if not self._workers and Host.current is self:
            Host.current = None

    def _core_ended(self, code: int) -> None:
        if not self._stopped.is_set():
            self.died = CoreDied(
                f"the worker core ended unexpectedly (exit code {code}): its log is above. "
                "Other workers take over what it ran. Start this one again"
            )
            logger.error(str(self.died))
        self._end_workers()

    def _end_workers(self) -> None:
        if self._registration and not self._registration.done():
            self._registration.set_result({"type": "refused", "status": 503, "message": str(self.died)})
        for worker in list(self._workers):
            worker.end()

    # --- messages of the core -----------------------------------------------------------------------------------------

    def _take(self, message: Message) -> None:
        match message["type"]:
            case "running" | "refused":
                assert self._registration is not None
                if not self._registration.done():
                    self._registration.set_result(message)
                elif message["type"] == "refused":
                    logger.error(f"the worker could not register again: {message['message']}")
            case "give":
                self._spawn(self._give(message))
            case "query":
                self._spawn(self._query(message))
            case "drop":
                self._spawn(self._drop(message["instance"]))
            case "attempt":
                self._begin(message)
            case "cancel":
                self._cancel(message)
            case "ping":
                self.send({"type": "pong", "n": message["n"], "loop": True, "usage": usage.of_this_process()})
            case "fatal":
                logger.error(f"the worker core ends: {message['message']}")
            case "replayed":
                replay.finish(message["results"])
            case "stopped":
                self._stopped.set()
                if message["abandoned"]:
                    logger.warning("activities were left to other workers", abandoned=message["abandoned"])
                for worker in list(self._workers):
                    worker.end()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- workflow code ------------------------------------------------------------------------------------------------

    async def _give(self, message: Message) -> None:
        instance, call = message["instance"], message["call"]
        decisions: list[list[Message]] = []
        given = 0
        answer: Message = {}
        lines: list[Message] = []
        run: Run | None = None
        try:
            for i, group in enumerate(message["groups"]):
                decided: list[Message] = []
                given = 0
                recorded = message["recorded"] if i == len(message["groups"]) - 1 else len(group)
                for stimulus in group:
                    run = self._runs.get(instance) or await self._create(instance, message["execution"], stimulus)
                    if run.continues and given >= recorded:
                        break  # HOST-8
                    patches = message["patches"]
                    flags = {"replaying": message["replaying"], "long": message["long"]}
                    async with self._lock(run):
                        run.lines.clear()
                        decided += await run.give(stimulus, patches=patches, **flags)
                        lines += run.lines
                    given += 1
                decisions.append(decided + (run.close() if run else []))
        except Bug as bug:
            answer["bug"] = bug.failure
            lines += run.lines if run else []
        if lines:
            answer["lines"] = lines
        closed = run.closed if run else instance in self._runs and self._runs[instance].closed
        self._answer(
            {"type": "given", "call": call, "decisions": decisions, "given": given, "closed": closed, **answer}
        )

    def _log_of_run(self, run: str, line: Message) -> None:
        for one in list(self._runs.values()):
            if one.id == run:
                one.lines.append(line)

    def _log_of_attempt(self, run: str | None, activity: str, number: int, line: Message) -> None:
        attempt = self._attempts.get((run or "", int(activity), number))
        if attempt is not None:
            self.send({"type": "line", "attempt": attempt, **line})

    def _answer(self, message: Message) -> None:
        """A value that JSON does not know, such as NaN, is a bug of workflow code."""
        try:
            self.send(message)
        except ValueError as error:
            failure = {"type": type(error).__name__, "message": f"workflow code decided what JSON cannot hold: {error}"}
            self.send(
                {"type": "given", "call": message["call"], "decisions": [], "given": 0, "closed": False, "bug": failure}
            )

    async def _create(self, instance: str, execution: str, started: Message) -> Run:
        """temporalio keeps one instance a run: an older one of the same run goes first."""
        for other, old in list(self._runs.items()):
            if old.id == started["run"]:
                await self._drop(other)
        run = Run(started, execution, self._activate)
        self._runs[instance] = run
        return run

    async def _query(self, message: Message) -> None:
        call = message["call"]
        run = self._runs[message["instance"]]
        try:
            async with self._lock(run):
                answer = (await run.query(message["name"], message["input"], call)).respond_to_query
        except Bug as bug:
            self.send({"type": "answered", "call": call, "failure": bug.failure})
            return
        if answer.HasField("failed"):
            self.send({"type": "answered", "call": call, "failure": values.from_failure(answer.failed)})
            return
        try:
            self.send({"type": "answered", "call": call, "result": values.from_payload(answer.succeeded.response)})
        except ValueError as error:
            failure = {"type": "ValueError", "message": f"the answer of query '{message['name']}' is not JSON: {error}"}
            self.send({"type": "answered", "call": call, "failure": failure})

    async def _drop(self, instance: str) -> None:
        run = self._runs.pop(instance, None)
        if run is None:
            return
        async with self._lock(run):
            await run.evict()
        self._locks.pop(run.id, None)

    def _lock(self, run: Run) -> asyncio.Lock:
        """Held while an activation of the run is under way."""
        return self._locks.setdefault(run.id, asyncio.Lock())

    async def _activate(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        done: asyncio.Future[WorkflowActivationCompletion] = self._loop.create_future()
        self._waiting[activation.run_id] = done
        self.main.activate(activation)
        return await done

    def activated(self, completion: WorkflowActivationCompletion) -> None:
        waiting = self._waiting.pop(completion.run_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(completion)

    # --- activities ---------------------------------------------------------------------------------------------------

    def _begin(self, message: Message) -> None:
        attempt, run, activity, number = (message[key] for key in ("attempt", "run", "activity", "number"))
        self._attempts[run, activity, number] = attempt
        self._by_attempt[attempt] = (run, activity, number)
        here = next((r for r in self._runs.values() if r.id == run), None)
        task = _start(message, here.context if here else None)
        task.start.is_local = here is not None and activity in here.local
        self.main.task(task)

    def _cancel(self, message: Message) -> None:
        if message["attempt"] not in self._by_attempt:
            return  # it has ended meanwhile
        task = ActivityTask(task_token=message["attempt"].encode())
        details = task.cancel.details
        details.is_cancelled = message["why"] == "cancelled"
        details.is_timed_out = message["why"] == "timed_out"
        details.is_worker_shutdown = message["why"] == "stopping"
        self.main.task(task)

    def attempt_ended(self, completion: ActivityTaskCompletion) -> None:
        attempt, result = completion.task_token.decode(), completion.result
        key = self._by_attempt.pop(attempt, None)
        if key is not None:
            self._attempts.pop(key, None)
        out: Message = {"type": "outcome", "attempt": attempt}
        if result.HasField("completed"):
            try:
                self.send({**out, "result": values.from_payload(result.completed.result)})
                return
            except ValueError as error:
                message = f"the result of the activity cannot be sent: {error}"
                failure: Message = {"type": "ValueError", "message": message, "non_retryable": True}
        elif result.HasField("will_complete_async"):
            message = "activities that complete asynchronously are not supported: await the end inside the activity"
            failure = {"type": "Unsupported", "message": message, "non_retryable": True}
        else:
            failure = values.from_failure((result.failed if result.HasField("failed") else result.cancelled).failure)
        self.send({**out, "failure": failure})

    def publish(self, run: str | None, activity: str | None, number: str | None, progress: Message) -> None:
        """A task event of an activity. Dropped where the attempt has ended: progress is shown, not recorded."""
        attempt = self._attempts.get((run or "", int(activity or 0), int(number or 0)))
        if attempt is not None:
            self.send({"type": "progress", "attempt": attempt, "progress": progress})


def _start(message: Message, context: values.Context | None) -> ActivityTask:
    """`context`: of the run, where it is in memory here. An attempt from the queue knows only its own execution."""
    execution, run, options = message["execution"], message["run"], message["options"]
    context = context or values.Context(execution=execution, root=execution, first_run=run)
    task = ActivityTask(task_token=message["attempt"].encode())
    start = task.start
    start.workflow_namespace, start.workflow_type = values.NAMESPACE, message["workflow"]
    start.workflow_execution.workflow_id, start.workflow_execution.run_id = execution, run
    start.activity_id, start.activity_type = str(message["activity"]), message["name"]
    start.attempt = message["number"]
    start.input.extend(context.payloads(message["args"]))
    start.heartbeat_details.extend(context.payload(detail) for detail in message["last_heartbeat"] or [])
    start.scheduled_time.FromMilliseconds(message["scheduled_at"])
    start.current_attempt_scheduled_time.FromMilliseconds(message["scheduled_at"])
    start.started_time.GetCurrentTime()
    for name in ("start_to_close", "schedule_to_close", "heartbeat"):
        if (limit := options.get(f"{name}_ms")) is not None:
            getattr(start, f"{name}_timeout").FromMilliseconds(limit)
    retry = options["retry"]
    start.retry_policy.initial_interval.FromMilliseconds(retry["first_ms"])
    start.retry_policy.maximum_interval.FromMilliseconds(retry["max_ms"])
    start.retry_policy.backoff_coefficient = retry["factor"]
    start.retry_policy.maximum_attempts = retry["max_attempts"]
    start.retry_policy.non_retryable_error_types.extend(retry["non_retryable"])
    return task


def _deployment() -> str:
    from mistralai.workflows.core.config.config import config

    return config.get_effective_task_queue()
