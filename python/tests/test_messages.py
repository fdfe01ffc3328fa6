"""RUN-5: messages of workflow code to other executions."""

from typing import Any

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from sirocco_worker.run import Run, Unsupported


async def never(activation: WorkflowActivation) -> WorkflowActivationCompletion:
    raise AssertionError("no activation is made here")


@pytest.fixture
def run() -> Run:
    return Run({"kind": "execution_started", "run": "r-1", "id": 1, "at": 0}, "A-7", never)


def signal(seq: int, execution: str, **more: Any) -> WorkflowCommand:
    command = WorkflowCommand()
    asked = command.signal_external_workflow_execution
    asked.seq, asked.signal_name = seq, "approve"
    asked.workflow_execution.workflow_id = execution
    for name, value in more.items():
        setattr(asked.workflow_execution, name, value)
    return command


def answers(run: Run, command: WorkflowCommand) -> list[WorkflowActivationJob]:
    jobs = []
    for fill in run._take(command):
        jobs.append(WorkflowActivationJob())
        fill(jobs[-1])
    return jobs


def test_a_message_has_a_number_among_the_activities(run: Run) -> None:
    assert answers(run, signal(1, "B-8")) == []
    run._activities.next(5)
    assert answers(run, signal(2, "C-9")) == []
    sent = [(d["activity"], d["name"], d["input"]) for d in run._decisions]
    message = {"kind": "signal", "name": "approve", "input": {}}
    assert sent == [
        (1, "__signal_execution", {"execution": "B-8", "message": message}),
        (3, "__signal_execution", {"execution": "C-9", "message": message}),
    ]


def test_its_outcome_answers_the_command(run: Run) -> None:
    answers(run, signal(7, "B-8"))
    job, failure = WorkflowActivationJob(), {"type": "MessageError", "message": "it has closed"}
    fill = run._job({"kind": "activity_failed", "activity": 1, "failure": failure})
    assert fill is not None
    fill(job)
    told = job.resolve_signal_external_workflow
    assert (told.seq, told.failure.message) == (7, "it has closed")
    assert told.failure.application_failure_info.type == "MessageError"


def test_a_signal_that_code_gives_up_is_answered_at_once_and_its_outcome_means_nothing(run: Run) -> None:
    answers(run, signal(7, "B-8"))
    given_up = WorkflowCommand()
    given_up.cancel_signal_workflow.seq = 7
    [job] = answers(run, given_up)
    assert job.resolve_signal_external_workflow.failure.HasField("canceled_failure_info")
    assert run._decisions[-1] == {"kind": "activity_cancel_requested", "activity": 1}
    assert run._job({"kind": "activity_completed", "activity": 1, "result": None, "name": "__signal_execution"}) is None
    assert answers(run, given_up) == []


def test_a_message_to_one_run_alone_is_refused(run: Run) -> None:
    with pytest.raises(Unsupported, match="leave out run_id"):
        answers(run, signal(1, "B-8", run_id="r-2"))
