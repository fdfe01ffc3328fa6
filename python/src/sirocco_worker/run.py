"""One run of a workflow, between the worker core and temporalio's workflow worker.

Stimuli of the history become activations with one job each; the commands that workflow code answers with become decisions.

RUN-1. One stimulus is one activation, and workflow code runs until nothing moves. Some commands are answered at once, by
       further activations within the same stimulus ("derived" jobs): the SDK's bookkeeping, the start of a child, the
       cancellation of an activity. What is decided so depends on the history alone.
RUN-2. Activities, timers and children of the user are numbered from 1 in the order in which code asks. The numbers of
       temporalio (`seq`) are not recorded: the SDK's own calls have their share in them.
RUN-3. A timer that is started and cancelled within one stimulus is not recorded: the SDK makes one with each activity call.
RUN-4. When the run ends, workflow code is still given the rest of the step (HOST-8), and `close` then takes the closing decision.
       Between the two only answers, task events and search keys are decisions. After a bug or a close nothing more is given.
RUN-5. A signal or a cancel request to another execution is the built-in activity that `externalExecution` of TypeScript workflows
       uses (EXTERNAL-1): the worker core runs it, and its outcome is the answer to temporalio's command.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from sirocco_worker import internal, kinds, values

Decision = dict[str, Any]
Stimulus = dict[str, Any]
FillJob = Callable[[WorkflowActivationJob], None]
Activate = Callable[[WorkflowActivation], Awaitable[WorkflowActivationCompletion]]

TRY_CANCEL, WAIT_CANCELLATION, ABANDON = 0, 1, 2
"""Of an activity: temporalio.bridge.proto.workflow_commands.ActivityCancellationType."""
CHILD_ABANDON, CHILD_TRY_CANCEL = 0, 1
"""Of a child: the first two of temporalio.bridge.proto.child_workflow.ChildWorkflowCancellationType."""
ON_PARENT_CLOSE = {0: "terminate", 1: "terminate", 2: "abandon", 3: "cancel"}
FIRST_RETRY_MS = 1_000
LONGEST_RETRY_FACTOR = 100
"""temporalio's defaults: the longest wait between attempts is a hundred times the first."""
EVEN_WHILE_ENDING = {"update_completed", "update_failed", "custom_task", "search_keys_set"}
"""RUN-4."""


class Unsupported(Exception):
    """Workflow code uses something of temporalio that Sirocco has no counterpart for."""


class Bug(Exception):
    """Workflow code failed its task: the execution waits for repaired code. `failure` is its recordable form."""

    def __init__(self, failure: values.JsonObject) -> None:
        super().__init__(failure["message"])
        self.failure = failure


@dataclass
class _Numbers:
    """Numbers by `seq` and back, for one kind of thing (RUN-2)."""

    of: dict[int, int] = field(default_factory=dict)
    seqs: dict[int, int] = field(default_factory=dict)
    last: int = 0

    def next(self, seq: int) -> int:
        self.last += 1
        self.of[seq], self.seqs[self.last] = self.last, seq
        return self.last

    def end(self, number: int) -> int | None:
        """The `seq` of what has ended; None if it ended before."""
        seq = self.seqs.pop(number, None)
        if seq is not None:
            self.of.pop(seq, None)
        return seq


@dataclass(frozen=True)
class _Child:
    workflow: str
    execution: str
    cancellation: int


def _seed(run: str) -> int:
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:8], "big")


class Run:
    """Workflow code of one run, as far as it has been given its history."""

    def __init__(self, started: Stimulus, execution: str, activate: Activate) -> None:
        self.id: str = started["run"]
        # The run from whose id randomness follows: after a reset that which decided on the copied stimulus (RESET-2).
        self._origin = self._origin_of(started, 1)
        self.execution = execution
        self.started = started
        self.closed = False
        self._ending: Decision | None = None
        self.bug: values.JsonObject | None = None
        self.lines: list[values.JsonObject] = []
        """What workflow code has logged in the present step (LOGS-2)."""
        self._activate = activate
        self._time = 0
        self._length = 0
        self._activities, self._timers, self._children = _Numbers(), _Numbers(), _Numbers()
        self.local: set[int] = set()
        """Numbers of the activities that code has asked for as local ones: `activity.info().is_local` says it."""
        self._messages: dict[int, tuple[str, int]] = {}
        """Of the activities that send messages to other executions (RUN-5): temporalio's command and its `seq`."""
        self._cancellations: dict[int, int] = {}
        self._asked_children: dict[int, _Child] = {}
        self._updates: dict[str, str] = {}
        self._cancel_reason: str | None = None
        self._patches: set[str] = set()
        self._asked_patches: set[str] = set()
        self._decisions: list[Decision] = []

    @property
    def context(self) -> values.Context:
        """For the arguments of this run's activities."""
        parent, schedule = self.started["parent"], self.started["schedule"]
        return values.Context(
            execution=self.execution,
            root=self.started["root"],
            first_run=self.started["first_run"],
            parent=parent and parent["execution"],
            continued_run=self.started["continued_from"],
            schedule=schedule and schedule["id"],
        )

    @property
    def continues(self) -> bool:
        """It ends by continuing as new: what is not recorded yet is for the next run."""
        return self._ending is not None and self._ending["kind"] == "execution_continued"

    @staticmethod
    def _origin_of(started: Stimulus, event: int) -> str:
        origins = (started.get("reset") or {}).get("origins", [])
        run: str = next((o["run"] for o in origins if event <= o["through"]), started["run"])
        return run

    async def give(self, stimulus: Stimulus, *, replaying: bool, long: bool, patches: list[str]) -> list[Decision]:
        """Decisions on one stimulus (RUN-1). Raises `Bug`."""
        self._time, self._length = max(self._time, stimulus["at"]), stimulus["id"]
        self._decisions = []
        waiting: list[FillJob] = [fill for fill in [self._job(stimulus)] if fill is not None]
        try:
            while waiting:
                activation = self._activation(replaying, long)
                for patch in patches:
                    if patch not in self._patches:
                        activation.jobs.add().notify_has_patch.patch_id = patch
                self._patches.update(patches)
                if (origin := self._origin_of(self.started, stimulus["id"])) != self._origin:
                    self._origin = origin
                    activation.jobs.add().update_random_seed.randomness_seed = _seed(origin)
                waiting.pop(0)(activation.jobs.add())
                for command in await self._commands(activation):
                    waiting.extend(self._take(command))
        except Bug as bug:
            self.bug = bug.failure
            raise
        except Exception as error:
            self.bug = {"type": type(error).__name__, "message": str(error)}
            raise Bug(self.bug) from error
        return self._numbered_timers()

    def close(self) -> list[Decision]:
        """At the end of a step, the last decisions of a run that has ended in it (RUN-4)."""
        if self._ending is None or self.closed:
            return []
        self.closed = True
        ended = "the run continued as new" if self.continues else "the execution ended"
        failures = [
            (message, name, {"type": "WorkflowError", "message": f'{ended} before update "{name}" was finished'})
            for message, name in self._updates.items()
        ]
        return [
            *({"kind": "update_failed", "message": m, "name": name, "failure": f} for m, name, f in failures),
            self._ending,
        ]

    async def query(self, name: str, value: Any, call: int) -> WorkflowCommand:
        """The command `respond_to_query` of workflow code. Raises `Bug`."""
        activation = self._activation(False, False)
        query = activation.jobs.add().query_workflow
        query.query_id, query.query_type = str(call), name
        if value is not None:
            query.arguments.append(values.to_payload(value))
        [command] = await self._commands(activation)
        return command

    async def evict(self) -> None:
        activation = self._activation(False, False)
        activation.jobs.add().remove_from_cache.message = "the worker core drops it"
        await self._activate(activation)

    def _activation(self, replaying: bool, long: bool) -> WorkflowActivation:
        activation = WorkflowActivation(
            run_id=self.id,
            is_replaying=replaying,
            history_length=self._length,
            continue_as_new_suggested=long,
        )
        activation.timestamp.FromMilliseconds(self._time)
        return activation

    async def _commands(self, activation: WorkflowActivation) -> list[WorkflowCommand]:
        completion = await self._activate(activation)
        if completion.HasField("failed"):
            raise Bug(values.from_failure(completion.failed.failure))
        return list(completion.successful.commands)

    # --- stimuli to jobs ----------------------------------------------------------------------------------------------

    def _job(self, stimulus: Stimulus) -> FillJob | None:
        """None: temporalio has been told of it already, as of an activity that it cancelled."""
        kind = stimulus["kind"]
        if kind == "execution_started":
            return lambda job: self._initialize(job, stimulus)
        if kind in ("activity_completed", "activity_failed") and stimulus["activity"] in self._messages:
            return lambda job: self._resolve_message(job, stimulus)
        if kind in ("activity_completed", "activity_failed"):
            seq = self._activities.end(stimulus["activity"])
            return None if seq is None else lambda job: self._resolve_activity(job, stimulus, seq)
        if kind == "timer_fired":
            fired = self._timers.end(stimulus["timer"])
            return None if fired is None else lambda job: setattr(job.fire_timer, "seq", fired)
        if kind in ("child_completed", "child_failed"):
            child = self._children.end(stimulus["child"])
            return None if child is None else lambda job: self._resolve_child(job, stimulus, child)
        if kind == "signal_received":
            return lambda job: self._signal(job, stimulus)
        if kind == "update_accepted":
            return lambda job: self._update(job, stimulus)
        if kind == "cancel_requested":
            self._cancel_reason = stimulus["reason"]
            return lambda job: setattr(job.cancel_workflow, "reason", stimulus["reason"] or "")
        raise Unsupported(f"sirocco-worker does not know the stimulus '{kind}': install a newer one")

    def _initialize(self, job: WorkflowActivationJob, started: Stimulus) -> None:
        into = job.initialize_workflow
        into.workflow_type, into.workflow_id = started["workflow"], self.execution
        into.attempt, into.first_execution_run_id = started["attempt"], started["first_run"]
        into.continued_from_execution_run_id = started["continued_from"] or ""
        into.randomness_seed = _seed(self._origin)
        into.start_time.FromMilliseconds(started["at"])
        into.root_workflow.workflow_id, into.root_workflow.run_id = started["root"], self.id
        into.workflow_task_timeout.FromSeconds(10)
        if started["deadline"] is not None:
            into.workflow_execution_timeout.FromMilliseconds(max(0, started["deadline"] - started["at"]))
        if parent := started["parent"]:
            into.parent_workflow_info.namespace = values.NAMESPACE
            into.parent_workflow_info.workflow_id = parent["execution"]
            into.parent_workflow_info.run_id = parent["run"]
        if schedule := started["schedule"]:
            # temporalio knows executions of schedules by this search attribute.
            attribute = into.search_attributes.indexed_fields["TemporalScheduledById"]
            attribute.CopyFrom(values.to_payload(schedule["id"]))
            attribute.metadata["type"] = b"Keyword"
        if started["input"] is not None:
            into.arguments.append(values.to_payload(started["input"]))

    def _resolve_activity(self, job: WorkflowActivationJob, stimulus: Stimulus, seq: int) -> None:
        into = job.resolve_activity
        into.seq = seq
        if stimulus["kind"] == "activity_completed":
            result = stimulus["result"]
            if stimulus["name"] == kinds.SESSION:
                result = {"task_queue": result["session"]}
            into.result.completed.result.CopyFrom(values.to_payload(result))
        elif stimulus["reason"] == "cancelled":
            values.to_activity_failure(stimulus, into.result.cancelled.failure)
        else:
            values.to_activity_failure(stimulus, into.result.failed.failure)

    def _resolve_message(self, job: WorkflowActivationJob, stimulus: Stimulus) -> None:
        """RUN-5. A failure is an `ApplicationError` of the type `MessageError`, whose text says why."""
        command, seq = self._messages.pop(stimulus["activity"])
        into = (
            job.resolve_signal_external_workflow
            if command == "signal_external_workflow_execution"
            else job.resolve_request_cancel_external_workflow
        )
        into.seq = seq
        if stimulus["kind"] == "activity_failed":
            values.to_failure(stimulus["failure"], into.failure)

    def _resolve_child(self, job: WorkflowActivationJob, stimulus: Stimulus, seq: int) -> None:
        into = job.resolve_child_workflow_execution
        into.seq = seq
        child = self._asked_children[seq]
        if stimulus["kind"] == "child_completed":
            into.result.completed.result.CopyFrom(values.to_payload(stimulus["result"]))
            return
        result = into.result.cancelled if stimulus["status"] == "CANCELED" else into.result.failed
        values.to_child_failure(stimulus, child.workflow, child.execution, result.failure)

    def _signal(self, job: WorkflowActivationJob, stimulus: Stimulus) -> None:
        job.signal_workflow.signal_name = stimulus["name"]
        if stimulus["input"] is not None:
            job.signal_workflow.input.append(values.to_payload(stimulus["input"]))

    def _update(self, job: WorkflowActivationJob, stimulus: Stimulus) -> None:
        into = job.do_update
        into.id = into.protocol_instance_id = stimulus["message"]
        into.name = stimulus["name"]
        if stimulus["input"] is not None:
            into.input.append(values.to_payload(stimulus["input"]))
        self._updates[stimulus["message"]] = stimulus["name"]

    # --- commands to decisions ----------------------------------------------------------------------------------------

    def _take(self, command: WorkflowCommand) -> Iterator[FillJob]:
        """Records the decision of a command; yields the derived jobs that answer it (RUN-1)."""
        kind = command.WhichOneof("variant")
        content: Any = getattr(command, kind) if kind else None
        match kind:
            case "schedule_activity" | "schedule_local_activity":
                yield from self._schedule(content)
            case "request_cancel_activity" | "request_cancel_local_activity":
                yield from self._cancel_activity(content.seq)
            case "start_timer":
                fire_at = self._time + _milliseconds(content.start_to_fire_timeout)
                self._decide("timer_started", timer=content.seq, fire_at=fire_at)
            case "cancel_timer":
                self._decide("timer_cancelled", timer=content.seq)
            case "start_child_workflow_execution":
                yield from self._start_child(content)
            case "cancel_child_workflow_execution":
                yield from self._cancel_child(content.child_workflow_seq)
            case "update_response":
                self._answer_update(content)
            case "set_patch_marker":
                # temporalio says it at every call; a run records it once. `deprecate_patch` stands for a patch that is
                # recorded and adds none, so that new runs replay when the call is gone.
                known = content.patch_id in self._patches
                if content.patch_id not in self._asked_patches and (known or not content.deprecated):
                    self._asked_patches.add(content.patch_id)
                    self._decide("patched", patch=content.patch_id)
            case "complete_workflow_execution":
                self._close("execution_completed", result=values.from_payload(content.result))
            case "fail_workflow_execution":
                self._close("execution_failed", failure=values.from_failure(content.failure))
            case "cancel_workflow_execution":
                self._close("execution_cancelled", reason=self._cancel_reason)
            case "continue_as_new_workflow_execution":
                workflow = content.workflow_type or self.started["workflow"]
                self._close("execution_continued", workflow=workflow, input=values.single(content.arguments))
            case "upsert_workflow_search_attributes":
                _refuse_search_attributes(content)
            case "modify_workflow_properties":
                raise Unsupported("Temporal's memos are not supported: use workflow.add_search_keys")
            case "signal_external_workflow_execution":
                message = {"kind": "signal", "name": content.signal_name, "input": values.single(content.args)}
                self._send(kind, content, content.child_workflow_id or content.workflow_execution.workflow_id, message)
            case "request_cancel_external_workflow_execution":
                message = {"kind": "cancel", "reason": content.reason or None}
                self._send(kind, content, content.workflow_execution.workflow_id, message)
            case "cancel_signal_workflow":
                yield from self._give_message_up(content.seq)
            case _:
                raise Unsupported(f"workflow code used temporalio's '{kind}', which Sirocco does not support")

    def _decide(self, kind: str, **fields: Any) -> None:
        self._add({"kind": kind, **fields})

    def _add(self, decision: Decision) -> None:
        if self._ending is None or decision["kind"] in EVEN_WHILE_ENDING:
            self._decisions.append(decision)

    def _close(self, kind: str, **fields: Any) -> None:
        """The first one counts."""
        if self._ending is None:
            self._ending = {"kind": kind, **fields}

    def _schedule(self, command: Any) -> Iterator[FillJob]:
        name, seq = command.activity_type, command.seq
        args = values.arguments(command.arguments)
        if internal.is_bookkeeping(name):
            result = internal.answer(name, args, self._add)
            yield lambda job: _resolve_bookkeeping(job, seq, result)
            return
        self._cancellations[seq] = command.cancellation_type
        number = self._activities.next(seq)
        options = _options(command)
        # A local activity has no queue: the SDK runs it without its limit, and says so.
        if command.DESCRIPTOR.name != "ScheduleActivity":
            self.local.add(number)
        else:
            if (limit := kinds.rate_limit_of(name)) is not None:
                options["rate_limit"] = limit
            if kinds.is_sticky(name):
                options["session"] = command.task_queue
        if name == kinds.ASK_SESSION:
            self._decide("activity_scheduled", activity=number, name=kinds.SESSION, input=None, options=options)
        else:
            self._decide("activity_scheduled", activity=number, name=name, input=args, args=True, options=options)

    def _cancel_activity(self, seq: int) -> Iterator[FillJob]:
        number = self._activities.of.get(seq)
        if number is None:
            return
        cancellation = self._cancellations[seq]
        if cancellation != ABANDON:
            self._decide("activity_cancel_requested", activity=number)
        if cancellation != WAIT_CANCELLATION:
            # The workflow goes on at once. How the activity ends means nothing to it any more.
            self._activities.end(number)
            yield lambda job: _resolve_cancelled_activity(job, seq)

    def _send(self, kind: str, command: Any, execution: str, message: values.JsonObject) -> None:
        """RUN-5."""
        if command.workflow_execution.run_id:
            raise Unsupported("a message goes to an execution, whichever run it is in: leave out run_id of its handle")
        self._activities.last += 1
        number = self._activities.last
        self._messages[number] = (kind, command.seq)
        to: values.JsonObject = {"execution": execution, "message": message}
        children = self._children.of.items()
        child = next((n for seq, n in children if self._asked_children[seq].execution == execution), None)
        if child is not None:
            to["child"] = child
        name = kinds.MESSAGE_ACTIVITIES[message["kind"]]
        self._decide("activity_scheduled", activity=number, name=name, input=to, options=kinds.MESSAGE_OPTIONS)

    def _give_message_up(self, seq: int) -> Iterator[FillJob]:
        """Code goes on at once; what the server has taken by then arrives all the same."""
        sent = ("signal_external_workflow_execution", seq)
        number = next((number for number, message in self._messages.items() if message == sent), None)
        if number is None:
            return
        self._decide("activity_cancel_requested", activity=number)
        del self._messages[number]

        def given_up(job: WorkflowActivationJob) -> None:
            failure: Failure = job.resolve_signal_external_workflow.failure
            job.resolve_signal_external_workflow.seq, failure.message = seq, "Signal was cancelled before being sent"
            failure.canceled_failure_info.SetInParent()

        yield given_up

    def _start_child(self, command: Any) -> Iterator[FillJob]:
        seq = command.seq
        number = self._children.next(seq)
        child = _Child(command.workflow_type, command.workflow_id, command.cancellation_type)
        self._asked_children[seq] = child
        timeout = _milliseconds(command.workflow_execution_timeout) or _milliseconds(command.workflow_run_timeout)
        self._decide(
            "child_scheduled",
            child=number,
            workflow=child.workflow,
            execution=child.execution,
            input=values.single(command.input),
            on_parent_close=ON_PARENT_CLOSE[command.parent_close_policy],
            **({"timeout_ms": timeout} if timeout else {}),
        )

        def started(job: WorkflowActivationJob) -> None:
            job.resolve_child_workflow_execution_start.seq = seq
            job.resolve_child_workflow_execution_start.succeeded.run_id = child.execution

        yield started

    def _cancel_child(self, seq: int) -> Iterator[FillJob]:
        number = self._children.of.get(seq)
        if number is None:
            return
        child = self._asked_children[seq]
        if child.cancellation != CHILD_ABANDON:
            self._decide("child_cancel_requested", child=number, execution=child.execution)
        if child.cancellation in (CHILD_ABANDON, CHILD_TRY_CANCEL):
            self._children.end(number)

            def cancelled(job: WorkflowActivationJob) -> None:
                into = job.resolve_child_workflow_execution
                into.seq = seq
                stimulus = {"status": "CANCELED", "failure": {"message": "Child Workflow execution cancelled"}}
                values.to_child_failure(stimulus, child.workflow, child.execution, into.result.cancelled.failure)

            yield cancelled

    def _answer_update(self, response: Any) -> None:
        message = response.protocol_instance_id
        match response.WhichOneof("response"):
            case "completed":
                name, result = self._updates.pop(message), values.from_payload(response.completed)
                self._decide("update_completed", message=message, name=name, result=result)
            case "rejected":
                name, failure = self._updates.pop(message), values.from_failure(response.rejected)
                self._decide("update_failed", message=message, name=name, failure=failure)

    def _numbered_timers(self) -> list[Decision]:
        """RUN-2, RUN-3."""
        started = {d["timer"] for d in self._decisions if d["kind"] == "timer_started"}
        cancelled = {d["timer"] for d in self._decisions if d["kind"] == "timer_cancelled"}
        decisions = []
        for decision in self._decisions:
            seq = decision.get("timer")
            if seq is None:
                decisions.append(decision)
            elif decision["kind"] == "timer_started":
                if seq not in cancelled:
                    decisions.append({**decision, "timer": self._timers.next(seq)})
            elif seq not in started and (number := self._timers.of.get(seq)) is not None:
                self._timers.end(number)
                decisions.append({**decision, "timer": number})
        return decisions


def _resolve_bookkeeping(job: WorkflowActivationJob, seq: int, result: Any) -> None:
    job.resolve_activity.seq, job.resolve_activity.is_local = seq, True
    job.resolve_activity.result.completed.result.CopyFrom(values.to_payload(result))


def _resolve_cancelled_activity(job: WorkflowActivationJob, seq: int) -> None:
    failure: Failure = job.resolve_activity.result.cancelled.failure
    job.resolve_activity.seq, failure.message = seq, "Activity cancelled"
    failure.canceled_failure_info.SetInParent()


SDK_SEARCH_ATTRIBUTES = {"OtelTraceId"}


def _refuse_search_attributes(command: Any) -> None:
    """The SDK sets the trace's id, for Temporal's console; what a user sets would be lost."""
    names = set(command.search_attributes.indexed_fields) - SDK_SEARCH_ATTRIBUTES
    if names:
        raise Unsupported(
            f"Temporal's own search attributes ({', '.join(sorted(names))}) are not supported: "
            "use workflow.add_search_keys"
        )


def _milliseconds(duration: Duration) -> int:
    return values.milliseconds(duration)


def _options(command: Any) -> values.JsonObject:
    """Of `schedule_activity` and `schedule_local_activity`: limits and the retry policy, as a history has them."""
    policy = command.retry_policy
    first = _milliseconds(policy.initial_interval) if policy.HasField("initial_interval") else FIRST_RETRY_MS
    longest = _milliseconds(policy.maximum_interval) or min(LONGEST_RETRY_FACTOR * first, values.LONGEST_MS)
    options: values.JsonObject = {
        "retry": {
            "max_attempts": policy.maximum_attempts,
            "first_ms": first,
            "factor": max(1.0, policy.backoff_coefficient or 2.0),
            "max_ms": longest,
            "non_retryable": list(policy.non_retryable_error_types),
        }
    }
    fields = ["start_to_close", "schedule_to_close", "schedule_to_start"]
    for name in [*fields, "heartbeat"] if hasattr(command, "heartbeat_timeout") else fields:
        timeout = f"{name}_timeout"
        if command.HasField(timeout) and (limit := _milliseconds(getattr(command, timeout))) > 0:
            options[f"{name}_ms"] = limit
    return options
