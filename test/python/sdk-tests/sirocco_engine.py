"""A plugin of pytest: the SDK's own tests run on Sirocco's worker core and engine in place of Temporal's test server.

`WorkflowEnvironment.start_time_skipping` gives an environment whose client speaks with an engine of `engine.ts`, and whose
workers are hosts of that engine. The seam is the one of production (`bridge.py`, `run.py`); what differs:

* The tests make temporalio's workers themselves, with workflows and activities of their own: one host each.
* The SDK's bookkeeping activities really run, where a test's worker has them: tests look at what they publish.
* Payloads keep their encodings: some tests configure the SDK's converter without its codec.

OFFICIAL-2. A message to an execution waits until its bookkeeping has ended. The bookkeeping is local activities, which Temporal's
    core runs within a workflow task: a cancellation never meets one of them, and the SDK would take it for a failure of the
    bookkeeping and go on. In production they are answered within the step. Here they are activities of the history.
"""

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
import temporalio.activity
import temporalio.bridge.temporal_sdk_bridge as native
import temporalio.client
import temporalio.workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice import v1 as service
from temporalio.bridge.client import RpcCall
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from sirocco_worker import bridge, core, frames, internal, kinds, run, values

NOT_FOUND, INVALID_ARGUMENT, ALREADY_EXISTS = 5, 3, 6
POLL_SECONDS = 0.01
REGISTERED_WITHIN_POLLS = 500
SETTLED_WITHIN_POLLS = 300
NO_LIMIT, LONGEST_LIMIT = float("inf"), 3.0


# --- the engines ------------------------------------------------------------------------------------------------------


class Engines:
    """The process of `engine.ts`."""

    _child: "subprocess.Popen[str] | None" = None
    _made = 0
    _lock = threading.Lock()

    @classmethod
    def say(cls, engine: int, command: str) -> None:
        with cls._lock:
            if cls._child is None:
                program = [os.environ["SIROCCO_NODE"], os.environ["SIROCCO_ENGINE"]]
                cls._child = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert cls._child.stdin is not None
            cls._child.stdin.write(json.dumps({"engine": engine, "command": command}) + "\n")
            cls._child.stdin.flush()

    @classmethod
    def make(cls) -> "Engine":
        cls._made += 1
        cls.say(cls._made, "new")
        assert cls._child is not None
        assert cls._child.stdout is not None
        return Engine(cls._made, **json.loads(cls._child.stdout.readline()))


class Refused(Exception):
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Engine:
    def __init__(self, number: int, api: str, key: str, cores: int) -> None:
        self.number, self.api, self.key, self.cores = number, api, key, cores

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self._call, method, path, body)

    def _call(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.api}/v1/workflows{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read() or b"null")) from None


# --- the environment --------------------------------------------------------------------------------------------------


class TestClientRef(bridge.ClientRef):
    """The eight calls of Temporal's API that the tests make, as calls of Sirocco's."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._timeouts: dict[str, float] = {}

    async def call_workflow_service(self, call: RpcCall) -> bytes:
        handler = getattr(self, f"_{call.rpc}", None)
        if handler is None:
            raise NotImplementedError(f"the tests' engine does not know the call {call.rpc}")
        request = getattr(service, "".join(part.title() for part in call.rpc.split("_")) + "Request")
        try:
            answer = await handler(request.FromString(call.req))
        except Refused as error:
            raise _rpc_error(error) from None
        return answer.SerializeToString()

    async def _start_workflow_execution(self, request: Any) -> Any:
        body = {
            "input": wrapped(values.single(request.input.payloads)),
            "execution_id": request.workflow_id,
            "deployment_name": request.task_queue.name,
        }
        if limit := request.workflow_execution_timeout.ToMilliseconds() / 1000:
            self._timeouts[request.workflow_id] = limit
        started = await self._started(f"/{_path(request.workflow_type.name)}/execute", body)
        answer = service.StartWorkflowExecutionResponse(started=True)
        answer.run_id = str(started.get("run_id") or started["execution_id"])
        return answer

    async def _started(self, path: str, body: Any) -> Any:
        """Temporal takes starts of workflows that no worker has yet: here it waits for the worker, which is starting."""
        for _ in range(REGISTERED_WITHIN_POLLS):
            try:
                return await self.engine.call("POST", path, body)
            except Refused as error:
                if error.status != 404:
                    raise
            await asyncio.sleep(POLL_SECONDS)
        return await self.engine.call("POST", path, body)

    async def _get_workflow_execution_history(self, request: Any) -> Any:
        execution = request.execution.workflow_id
        answer = service.GetWorkflowExecutionHistoryResponse()
        # A start has no time limit of its own in Sirocco's API, a workflow has: the wait ends such an execution.
        until = time.monotonic() + min(self._timeouts.get(execution, NO_LIMIT), LONGEST_LIMIT)
        limited = execution in self._timeouts
        Engines.say(self.engine.number, "skip")
        try:
            while (await self.engine.call("GET", f"/executions/{_path(execution)}"))["status"] == "RUNNING":
                await asyncio.sleep(POLL_SECONDS)
                if limited and time.monotonic() > until and await self._fails(execution):
                    _close_event([{"kind": "execution_timed_out"}], answer.history.events.add())
                    return answer
        finally:
            Engines.say(self.engine.number, "wait")
        history = await self.engine.call("GET", f"/executions/{_path(execution)}/history?decode_payloads=true")
        _close_event(history["events"], answer.history.events.add())
        return answer

    async def _fails(self, execution: str) -> bool:
        """Ends an execution whose code fails at every try. Others go on: on a slow machine they may take longer than the limit."""
        events = (await self.engine.call("GET", f"/executions/{_path(execution)}/history?decode_payloads=true"))["events"]
        if events[-1]["kind"] != "workflow_task_failed":
            return False
        await self.engine.call("POST", f"/executions/{_path(execution)}/terminate")
        return True

    async def _settled(self, execution: str) -> None:
        """OFFICIAL-2. An execution that has ended meanwhile, or waits for repaired code, leaves some of it for ever."""
        for _ in range(SETTLED_WITHIN_POLLS):
            if not any(of == execution for of, *_ in bookkeeping_under_way):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _signal_workflow_execution(self, request: Any) -> Any:
        await self._settled(request.workflow_execution.workflow_id)
        body = {"name": request.signal_name, "input": wrapped(values.single(request.input.payloads))}
        await self.engine.call("POST", f"/executions/{_path(request.workflow_execution.workflow_id)}/signals", body)
        return service.SignalWorkflowExecutionResponse()

    async def _query_workflow(self, request: Any) -> Any:
        await self._settled(request.execution.workflow_id)
        query = request.query
        body = {"name": query.query_type, "input": wrapped(values.single(query.query_args.payloads))}
        found = await self.engine.call("POST", f"/executions/{_path(request.execution.workflow_id)}/queries", body)
        answer = service.QueryWorkflowResponse()
        answer.query_result.payloads.append(values.to_payload(found["result"]))
        return answer

    async def _update_workflow_execution(self, request: Any) -> Any:
        await self._settled(request.workflow_execution.workflow_id)
        asked = request.request.input
        body = {"name": asked.name, "input": wrapped(values.single(asked.args.payloads))}
        answer = service.UpdateWorkflowExecutionResponse()
        answer.update_ref.workflow_execution.CopyFrom(request.workflow_execution)
        answer.update_ref.update_id = request.request.meta.update_id
        answer.stage = 3  # completed
        path = f"/executions/{_path(request.workflow_execution.workflow_id)}/updates"
        try:
            done = await self.engine.call("POST", path, body)
            answer.outcome.success.payloads.append(values.to_payload(done["result"]))
        except Refused as error:
            if error.status not in (422, 424):
                raise
            revive(_failure_of(error.body), answer.outcome.failure)
        return answer

    async def _request_cancel_workflow_execution(self, request: Any) -> Any:
        await self._settled(request.workflow_execution.workflow_id)
        await self.engine.call("POST", f"/executions/{_path(request.workflow_execution.workflow_id)}/cancel")
        return service.RequestCancelWorkflowExecutionResponse()

    async def _terminate_workflow_execution(self, request: Any) -> Any:
        await self.engine.call("POST", f"/executions/{_path(request.workflow_execution.workflow_id)}/terminate")
        return service.TerminateWorkflowExecutionResponse()

    async def _describe_workflow_execution(self, request: Any) -> Any:
        found = await self.engine.call("GET", f"/executions/{_path(request.execution.workflow_id)}")
        answer = service.DescribeWorkflowExecutionResponse()
        info = answer.workflow_execution_info
        info.execution.workflow_id = request.execution.workflow_id
        info.execution.run_id = found["run_id"]
        info.type.name = found["workflow_name"]
        info.status = {
            **{"RUNNING": 1, "COMPLETED": 2, "FAILED": 3, "CANCELED": 4, "TERMINATED": 5, "TIMED_OUT": 7},
        }[found["status"]]
        return answer


def _path(text: str) -> str:
    return quote(text, safe="")


def _rpc_error(error: Refused) -> Exception:
    status = NOT_FOUND if error.status == 404 else ALREADY_EXISTS if error.status == 409 else INVALID_ARGUMENT
    return native.RPCError(status, json.dumps(error.body), b"")


def _failure_of(body: Any) -> dict[str, Any]:
    failure = (body or {}).get("failure") or {}
    return {"message": failure.get("message") or json.dumps(body), **failure}


def _close_event(events: list[dict[str, Any]], into: Any) -> None:
    last = events[-1]
    match last["kind"]:
        case "execution_completed":
            into.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
            result = into.workflow_execution_completed_event_attributes.result
            result.payloads.append(values.to_payload(last["result"]))
        case "execution_failed":
            into.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
            revive(last["failure"], into.workflow_execution_failed_event_attributes.failure)
        case "execution_cancelled":
            into.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
            into.workflow_execution_canceled_event_attributes.SetInParent()
        case "execution_terminated":
            into.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
            into.workflow_execution_terminated_event_attributes.SetInParent()
        case "execution_timed_out":
            into.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT
            into.workflow_execution_timed_out_event_attributes.SetInParent()
        case other:
            raise NotImplementedError(f"an execution ended by {other}")


def revive(recorded: dict[str, Any], into: Failure) -> None:
    """A recorded failure with the class that Temporal's API gives it: clients of Sirocco get its type by name."""
    kind = recorded.get("type")
    into.message = recorded["message"]
    if kind == "ActivityError":
        into.activity_failure_info.SetInParent()
    elif kind == "ChildWorkflowError":
        into.child_workflow_execution_failure_info.SetInParent()
    elif kind == "TimeoutError" and TIMEOUT in recorded:
        limits = {name: number for number, name in TIMEOUTS.items()}
        into.timeout_failure_info.timeout_type = limits[recorded[TIMEOUT]]  # type: ignore[assignment]
    elif kind == "CancelledError":
        into.canceled_failure_info.SetInParent()
    else:
        values.to_failure({**recorded, "cause": None}, into)
    if recorded.get("cause"):
        revive(recorded["cause"], into.cause)


class Environment(WorkflowEnvironment):
    def __init__(self, client: temporalio.client.Client, engine: Engine) -> None:
        super().__init__(client)
        self._engine = engine

    async def shutdown(self) -> None:
        Engines.say(self._engine.number, "close")


async def start_time_skipping(cls: type, **options: Any) -> Environment:
    bookkeeping_under_way.clear()
    internal_known.clear()  # those of an earlier test are not this one's
    engine = Engines.make()

    async def connect_client(runtime: Any, config: Any) -> TestClientRef:
        return TestClientRef(engine)

    native.connect_client = connect_client
    given = {name: options[name] for name in ("data_converter", "interceptors") if options.get(name)}
    client = await temporalio.client.Client.connect("sirocco.test:7233", **given)
    return Environment(client, engine)


# --- the workers ------------------------------------------------------------------------------------------------------


class SocketCore(core.CoreProcess):
    """The core in the engine's process: a socket in the place of the pipes."""

    def __init__(self, port: int, take: Any, ended: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._take, self._ended = take, ended
        self._lock = threading.Lock()
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._input = self._socket.makefile("rb")
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return 0

    def send(self, message: frames.Message) -> None:
        data = frames.encode(message)
        with suppress(OSError), self._lock:
            self._socket.sendall(data)

    def _read(self) -> None:
        with suppress(OSError):
            while (message := frames.read(self._input)) is not None:  # type: ignore[arg-type]
                if message["type"] == "ping":
                    self.send({"type": "pong", "n": message["n"], "loop": False})
                self._call(self._take, message)
        self._call(self._ended, 0)


class TestHost(bridge.Host):
    def __init__(self, engine: Engine, worker: Worker) -> None:
        super().__init__()
        self._engine = engine
        config = worker.config()
        self._main_queue = config["task_queue"]
        self._names = [
            temporalio.activity._Definition.must_from_callable(one).name or "" for one in config.get("activities", [])
        ]
        workflows = [
            temporalio.workflow._Definition.must_from_class(one).name or "" for one in config.get("workflows", [])
        ]
        self._greeting = {
            "host": "python/tests",
            "deployment": self._main_queue,
            "worker": "tests",
            "url": engine.api,
            "key": engine.key,
            "definitions": [_definition(one) for one in config.get("workflows", [])],
            "hashes": {},
            "activities": self._names,
            "sessions": kinds.any_sticky(),
            "limits": {"activities": 100, "workflows": 200, "cached": 300},
        }
        assert len(workflows) == len(self._greeting["definitions"])

    async def begin(self) -> None:
        bridge.CoreProcess = lambda take, ended: SocketCore(self._engine.cores, take, ended)  # type: ignore
        answer = await self.register(self._greeting)
        assert answer["type"] == "running", answer
        for name in self._names:
            internal_known.add(name)


is_bookkeeping = internal.is_bookkeeping
internal_known: set[str] = set()
"""Bookkeeping activities that the workers of the tests run themselves."""


bookkeeping_under_way: set[tuple[str, str, int]] = set()
"""Execution, run and number of the bookkeeping activities whose end workflow code has not been given (OFFICIAL-2)."""


class TestRun(run.Run):
    async def give(self, stimulus: dict[str, Any], **flags: Any) -> list[dict[str, Any]]:
        decisions = await super().give(stimulus, **flags)
        for one in decisions:
            if one["kind"] == "activity_scheduled" and one["name"] in internal_known and is_bookkeeping(one["name"]):
                bookkeeping_under_way.add((self.execution, self.id, one["activity"]))
        if stimulus["kind"] in ("activity_completed", "activity_failed"):
            bookkeeping_under_way.discard((self.execution, self.id, stimulus["activity"]))
        return decisions


def _definition(workflow: type) -> dict[str, Any]:
    about = temporalio.workflow._Definition.must_from_class(workflow)
    anything: dict[str, Any] = {}
    handlers = lambda names: [{"name": name, "input_schema": anything} for name in names if name]  # noqa: E731
    return {
        "name": about.name,
        "input_schema": anything,
        "signals": handlers(about.signals),
        "queries": handlers(about.queries),
        "updates": handlers(about.updates),
        "enforce_determinism": False,
        "execution_timeout": 10 * 365 * 86400,
    }


class TestWorkerRef(bridge.WorkerRef):
    worker: Worker

    async def validate(self) -> bytes:
        await self._host.begin()  # type: ignore[attr-defined]
        return await super().validate()


making: list[Worker] = []


def new_worker(runtime: Any, client: Any, config: Any) -> Any:
    assert isinstance(client, TestClientRef)
    worker = making[-1]
    host = LateHost(client.engine, worker)
    return host.add(TestWorkerRef(host, config.task_queue))


class LateHost(TestHost):
    """The worker's configuration is whole only after its constructor: it is read when the worker starts."""

    def __init__(self, engine: Engine, worker: Worker) -> None:
        self._late = (engine, worker)
        self._ready = False
        bridge.Host.__init__(self)

    def add(self, worker: bridge.WorkerRef) -> bridge.WorkerRef:
        self._main_queue = worker.queue
        return super().add(worker)

    async def begin(self) -> None:
        workers, self.current_refs = self._workers, None
        TestHost.__init__(self, *self._late)
        self._workers = workers
        bridge.Host.current = self
        await super().begin()


_worker_init = Worker.__init__


def _init(self: Worker, *args: Any, **options: Any) -> None:
    making.append(self)
    try:
        _worker_init(self, *args, **options)
    finally:
        making.pop()


# --- values -----------------------------------------------------------------------------------------------------------

WHOLE = "__payload__"
TIMEOUT = "base"
"""Field of a recorded failure that is free here: it holds which limit passed."""
TIMEOUTS = {1: "start_to_close", 2: "schedule_to_start", 3: "schedule_to_close", 4: "heartbeat"}


def wrapped(value: Any) -> Any:
    """Inputs are objects in Sirocco's API."""
    return value if isinstance(value, dict) else {WHOLE: base64.b64encode(_plain(value).SerializeToString()).decode()}


def _plain(value: Any) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


def from_payload(payload: Payload) -> Any:
    if payload.metadata.get("encoding") == b"json/plain" and len(payload.metadata) == 1:
        return json.loads(payload.data)
    return {WHOLE: base64.b64encode(payload.SerializeToString()).decode()}


_from_failure = values.from_failure


def from_failure(failure: Failure) -> dict[str, Any]:
    """With the limit that passed: asyncio's TimeoutError has the same name."""
    out = _from_failure(failure)
    if failure.HasField("timeout_failure_info"):
        out[TIMEOUT] = TIMEOUTS[failure.timeout_failure_info.timeout_type or 1]
    if failure.HasField("cause"):
        out["cause"] = from_failure(failure.cause)
    return out


def to_payload(value: Any) -> Payload:
    if isinstance(value, dict) and set(value) == {WHOLE}:
        return Payload.FromString(base64.b64decode(value[WHOLE]))
    return _plain(value)


def pytest_configure() -> None:
    bridge.install()
    native.new_worker = new_worker
    Worker.__init__ = _init  # type: ignore[method-assign]
    WorkflowEnvironment.start_time_skipping = classmethod(start_time_skipping)  # type: ignore[assignment]
    # Without jumps of the time in the original; here time does not jump while an activity runs, which is what its tests need.
    WorkflowEnvironment.start_local = classmethod(start_time_skipping)  # type: ignore[assignment]
    values.from_payload = from_payload
    values.to_payload = to_payload
    values.from_failure = from_failure
    values.arguments = lambda payloads: [from_payload(one) for one in payloads]
    values.Context.payload = lambda self, value: to_payload(value)  # type: ignore[method-assign]
    values.Context.payloads = lambda self, many: [to_payload(one) for one in many]  # type: ignore[method-assign]
    bridge.Run = TestRun  # type: ignore[misc]
    internal.is_bookkeeping = lambda name: is_bookkeeping(name) and name not in internal_known


SECONDS_A_TEST = 30


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """A test that waits for what never comes fails, and the others go on."""

    def give_up(number: int, frame: Any) -> None:
        raise TimeoutError(f"{item.nodeid} has not ended within {SECONDS_A_TEST} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_A_TEST)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
