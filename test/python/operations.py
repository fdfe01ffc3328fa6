"""Every operation of the official Python client with every parameter that its functions have, read from their signatures.

Prints what was not passed, and the checks that did not hold, as JSON.
"""

import inspect
import json
import os
import time
from datetime import datetime, timedelta, timezone

import httpx2 as httpx
from mistralai.client import Mistral, models
from mistralai.client.utils import BackoffStrategy, RetryConfig

from official import client, refused

HOSTING = "it is of the vendor's hosting: Sirocco runs no workers, and answers 501"
# Operations, and parameters of operations, that are not passed, and why.
LEFT_OUT = {
    "deployments.create_deployment resources": HOSTING,
    "deployments.create_deployment hardened": HOSTING,
    "execute_workflow_and_wait max_attempts": "use_api_sync waits in the call, so nothing is polled; see wait_for_workflow_completion",
}
OF_EVERY_CALL = {"retries", "server_url", "timeout_ms", "http_headers"}

passed = {}
failed = []


def check(what, holds):
    if not holds:
        failed.append(what)


class Noting:
    """A part of the client that notes which parameters its functions get."""

    def __init__(self, part, path=""):
        self._part, self._path = part, path

    def __getattr__(self, name):
        value = getattr(self._part, name)
        path = f"{self._path}{name}"
        if not inspect.ismethod(value):
            return Noting(value, f"{path}.")

        def call(**given):
            passed.setdefault(path, set()).update(given)
            return value(**given)

        return call


def declared(part, path=""):
    """The parameters of each function of a part of the client and of the parts below."""
    names = set(dir(part)) | set(getattr(type(part), "_sub_sdk_map", {}))
    for name in sorted(names):
        if name.startswith("_") or name.endswith("_async") or name.startswith("do_") or name == "parent_ref":
            continue
        value = getattr(part, name, None)
        if inspect.ismethod(value):
            yield f"{path}{name}", [p for p in inspect.signature(value).parameters if p not in OF_EVERY_CALL]
        elif hasattr(value, "sdk_configuration"):
            yield from declared(value, f"{path}{name}.")


workflows = Noting(client.workflows)
executions, deployments, events, runs = workflows.executions, workflows.deployments, workflows.events, workflows.runs
schedules = workflows.schedules
began = datetime.now(timezone.utc) - timedelta(minutes=1)
later = began + timedelta(hours=1)


def eventually(ask):
    for _ in range(200):
        found = ask()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")


def first(stream, holds=lambda item: item.data is not None):
    with stream as items:
        return next(item for item in items if holds(item))


def closed(execution_id):
    return workflows.wait_for_workflow_completion(execution_id=execution_id, polling_interval=1, max_attempts=60)


def start(execution_id, name="Ada"):
    return workflows.execute_workflow(
        workflow_identifier="story",
        execution_id=execution_id,
        input={"name": name},
        wait_for_result=False,
        timeout_seconds=5,
        custom_tracing_attributes={"team": "till"},
        force_new_trace=True,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        extensions={"plugin": {"a": 1}},
        task_queue="py",
        deployment_name="py",
    )


def registered():
    page = workflows.get_workflows(limit=1, order="asc")
    rest = workflows.get_workflows(limit=1, order="asc", cursor=page.result.next_cursor)
    check("pages of workflows", {page.result.workflows[0].name, rest.result.workflows[0].name} == {"story", "sum"})
    found = workflows.get_workflow_registrations(
        task_queue="py",
        active_only=True,
        include_shared=True,
        workflow_name="story",
        workflow_search="sto",
        archived=False,
        with_workflow=True,
        available_in_chat_assistant=False,
        limit=1,
    ).workflow_registrations
    check("registrations", [each.workflow.name for each in found] == ["story"])
    workflow = workflows.get_workflow(workflow_identifier="story").workflow
    page = workflows.get_workflow_registrations(workflow_id=workflow.id, limit=1)
    check("registrations of one workflow", page.workflow_registrations[0].id == found[0].id)
    page = workflows.get_workflow_registrations(limit=1)
    rest = workflows.get_workflow_registrations(limit=1, cursor=page.next_cursor)
    check("pages of registrations", len(rest.workflow_registrations) == 1)
    got = workflows.get_workflow_registration(
        workflow_registration_id=found[0].id, with_workflow=True, include_shared=True
    )
    check("a registration", got.workflow_registration.workflow.id == workflow.id)
    return workflow.id, found[0].id


def changed(workflow_id):
    updated = workflows.update_workflow(
        workflow_identifier="story",
        display_name="Stories",
        description="that are told",
        available_in_chat_assistant=True,
        tags=["told"],
    ).workflow
    check("an updated workflow", [updated.display_name, updated.tags] == ["Stories", ["told"]])
    workflows.add_workflow_tags(workflow_identifier="story", tags=["short"])
    check("archived", workflows.archive_workflow(workflow_identifier="story").workflow.archived)
    check("unarchived", not workflows.unarchive_workflow(workflow_identifier="story").workflow.archived)
    check("archived with others", len(workflows.bulk_archive_workflows(workflow_ids=[workflow_id]).archived) == 1)
    check("unarchived with others", len(workflows.bulk_unarchive_workflows(workflow_ids=[workflow_id]).unarchived) == 1)


def executed(registration_id):
    check("started", start("told").execution_id == "told")
    by = workflows.execute_workflow_registration(
        workflow_registration_id=registration_id,
        execution_id="by-registration",
        input={"name": "Ada"},
        wait_for_result=False,
        timeout_seconds=5,
        custom_tracing_attributes={"team": "till"},
        force_new_trace=True,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        extensions={},
        task_queue="py",
        deployment_name="py",
    )
    check("started by its registration", by.execution_id == "by-registration")
    given = {"workflow_identifier": "sum", "input": {"numbers": [1, 2]}, "deployment_name": "py", "task_queue": "py"}
    result = workflows.execute_workflow_and_wait(
        execution_id="summed", custom_tracing_attributes={}, polling_interval=1, use_api_sync=True, timeout_seconds=30, **given
    )
    check("the result of a start that waits", result == {"result": 3})
    asked = executions.query_workflow_execution(execution_id="told", name="status", input={})
    check("a query", asked.result == {"name": "Ada", "approved": False})
    answer = executions.update_workflow_execution(execution_id="told", name="rename", input={"name": "Grace"})
    check("an update", answer.result == {"before": "Ada"})
    executions.signal_workflow_execution(execution_id="told", name="approve", input={})
    closed("told")
    found = executions.get_workflow_execution(execution_id="told", include_search_keys=True)
    check("an execution", [found.status, found.search_keys] == ["COMPLETED", {}])
    found = workflows.get_workflows(
        status=["COMPLETED"],
        include_shared=True,
        available_in_chat_assistant=True,
        deployment_name=["py"],
        deployment_status="active",
        archived=False,
        tags=["told", "short"],
        order="asc",
        limit=5,
        active_only=True,
        search="stor",
    ).result.workflows
    check("workflows by all filters", [each.name for each in found] == ["story"])
    return executions.get_workflow_execution(execution_id="told").run_id


def observed(run_id):
    history = executions.get_workflow_execution_history(execution_id="told", decode_payloads=True)
    check("a history", runs.get_run_history(run_id=run_id, decode_payloads=True) == history)
    check("a run", runs.get_run(run_id=run_id).execution_id == "told")
    found = runs.list_runs(
        workflow_identifier="story",
        root_execution_id="told",
        search="told",
        status="COMPLETED",
        deployment_name="py",
        sort_by="end_time",
        order="asc",
        start_time_after=began,
        start_time_before=later,
        end_time_after=began,
        end_time_before=later,
        user_id="current",
        workflow_tags=["told"],
        include_internal=True,
        page_size=3,
    ).result.executions
    check("runs by all filters", [each.run_id for each in found] == [run_id])
    check("runs by a search key", runs.list_runs(search_key=["customer:none"]).result.executions == [])
    page = runs.list_runs(page_size=1).result
    rest = runs.list_runs(page_size=1, next_page_token=page.next_page_token).result
    check("pages of runs", rest.executions[0].run_id != page.executions[0].run_id)
    info = executions.get_workflow_execution_trace_info(execution_id="told")
    otel = executions.get_workflow_execution_trace_otel(execution_id="told")
    check("a trace", otel.otel_trace_id == info.otel_trace_id)
    check("a summary", executions.get_workflow_execution_trace_summary(execution_id="told").span_tree.name == "story")
    traced = executions.get_workflow_execution_trace_events(
        execution_id="told", merge_same_id_events=True, include_internal_events=True
    )
    check("events of a trace", len(traced.events) > 0)
    of = {"root_workflow_exec_id": "told", "workflow_exec_id": "told", "workflow_run_id": run_id, "limit": 2}
    page = events.get_workflow_events(**of)
    rest = events.get_workflow_events(cursor=page.next_cursor, **of)
    check("pages of events", rest.events[0].event_id != page.events[0].event_id)
    item = first(
        events.get_stream_events(
            scope="activity",
            activity_name="greet",
            activity_id="*",
            workflow_name="story",
            workflow_exec_id="told",
            root_workflow_exec_id="told",
            parent_workflow_exec_id="*",
            stream="*",
            start_seq=0,
            metadata_filters={},
            workflow_event_types=["ACTIVITY_TASK_COMPLETED"],
            last_event_id="0",
        )
    )
    check("a stream of events", item.data.data.event_type == "ACTIVITY_TASK_COMPLETED")
    item = first(executions.stream(execution_id="told", event_source="DATABASE", last_event_id="0"))
    check("a stream of an execution", item.data.data.event_type == "WORKFLOW_EXECUTION_STARTED")
    workflows.metrics.get_workflow_metrics(workflow_name="story", start_time=began, end_time=later)


def logged(run_id):
    window = {"after": began, "before": later, "order": "asc", "limit": 1}
    page = eventually(
        lambda: (p := executions.get_workflow_execution_logs(execution_id="told", **window)).results and p
    )
    one = {"execution_id": "told", "run_id": run_id, "activity_id": "1"}
    check("logs", [each.body for each in executions.get_workflow_execution_logs(**one, **window).results] == ["greeting"])
    if page.next_cursor:
        executions.get_workflow_execution_logs(execution_id="told", limit=1, cursor=page.next_cursor)
    else:
        wrong = refused(lambda: executions.get_workflow_execution_logs(execution_id="told", cursor="no"))
        check("a cursor of logs", wrong["status"] in (400, 422))
    item = first(executions.stream_workflow_execution_logs(after=began, **one))
    check("a stream of logs", item.data.body == "greeting")
    with executions.stream_workflow_execution_logs(execution_id="told", last_event_id=item.id) as rest:
        check("a stream that goes on", [each for each in rest if each.data is not None] == [])
    of = {"name": "py", "worker_name": "story-worker", "workflow_name": "story"}
    page = deployments.get_deployment_logs(log_type="runtime", **of, **window)
    check("logs of a deployment", [each.body for each in page.results] == ["greeting"])
    wrong = refused(lambda: deployments.get_deployment_logs(name="py", cursor="no"))
    check("a cursor of a deployment's logs", wrong["status"] in (400, 422))
    item = first(deployments.stream_deployment_logs(after=began, **of))
    check("a stream of a deployment's logs", item.data.body == "greeting")
    wrong = refused(lambda: deployments.stream_deployment_logs(name="py", last_event_id="no"))
    check("a stream of a deployment's logs from a place", wrong["status"] in (400, 422))


def ended(run_id):
    executions.reset_workflow(execution_id="told", event_id=2, reason="again", exclude_signals=True, exclude_updates=True)
    check("a new run", executions.get_workflow_execution(execution_id="told").run_id != run_id)
    executions.cancel_workflow_execution(execution_id="told")
    check("cancelled", eventually(lambda: executions.get_workflow_execution(execution_id="told").status != "RUNNING"))
    executions.terminate_workflow_execution(execution_id="by-registration")
    start("one"), start("two")
    check("cancelled with others", len(executions.batch_cancel_workflow_executions(execution_ids=["one"]).results) == 1)
    check("terminated with others", len(executions.batch_terminate_workflow_executions(execution_ids=["two"]).results) == 1)


class Losing(httpx.BaseTransport):
    """Passes each request on, and loses the first two answers: by a 503, then by a closed connection."""

    def __init__(self):
        self._inner, self.calls = httpx.HTTPTransport(), 0

    def handle_request(self, request):
        answer = self._inner.handle_request(request)
        answer.read()
        self.calls += 1
        if self.calls == 1:
            return httpx.Response(503)
        if self.calls == 2:
            raise httpx.ConnectError("the answer is lost")
        return answer


def repeated():
    """A reset whose answers are lost, with the client's own retries and an idempotency key, happens once."""
    losing = Losing()
    repeating = Mistral(
        api_key=os.environ["SIROCCO_API_KEY"],
        server_url=os.environ["SIROCCO_URL"],
        client=httpx.Client(transport=losing),
        retry_config=RetryConfig("backoff", BackoffStrategy(1, 2, 1, 60_000), True),
    )

    def runs_of():
        return len(runs.list_runs(root_execution_id="lost", page_size=100).result.executions)

    start("lost")
    decided = eventually(lambda: [each for each in plain_events("lost") if "decided" in each])[0]
    repeating.workflows.executions.reset_workflow(
        execution_id="lost", event_id=decided["id"], http_headers={"Idempotency-Key": "a key of this reset"}
    )
    check("a reset is sent until it is answered", losing.calls == 3)
    check("a repeated reset is one", runs_of() == 2)
    executions.terminate_workflow_execution(execution_id="lost")


def plain_events(execution_id):
    return executions.get_workflow_execution_history(execution_id=execution_id)["events"]


def scheduled(registration_id):
    schedule = models.ScheduleDefinition(input={"numbers": [1]}, intervals=[models.ScheduleInterval(every="PT4H")])
    schedules.schedule_workflow(
        schedule=schedule, workflow_identifier="sum", workflow_task_queue="py", schedule_id="nightly", deployment_name="py"
    )
    other = models.ScheduleDefinition(input={"name": "x"}, intervals=[models.ScheduleInterval(every="PT4H")])
    schedules.schedule_workflow(schedule=other, workflow_registration_id=registration_id, schedule_id="by-registration")
    schedules.schedule_workflow(schedule=other, workflow_version_id=registration_id, schedule_id="by-version")
    found = schedules.get_schedules(workflow_name="sum", user_id="current", status="active", search="night", page_size=2)
    check("schedules", [each.schedule_id for each in found.result.schedules] == ["nightly"])
    page = schedules.get_schedules(page_size=1).result
    rest = schedules.get_schedules(page_size=1, next_page_token=page.next_page_token).result
    check("pages of schedules", rest.schedules[0].schedule_id != page.schedules[0].schedule_id)
    schedules.update_schedule(schedule_id="nightly", schedule=models.PartialScheduleDefinition(jitter="PT1M"))
    schedules.pause_schedule(schedule_id="nightly", note="holidays")
    check("paused", schedules.get_schedule(schedule_id="nightly").note == "holidays")
    schedules.resume_schedule(schedule_id="nightly", note="back")
    schedules.trigger_schedule(schedule_id="nightly", overlap=6)
    for schedule_id in ("nightly", "by-registration", "by-version"):
        schedules.unschedule_workflow(schedule_id=schedule_id)


def deployed():
    found = deployments.list_deployments(
        active_only=True, is_hardened=False, search="p", order_by="created_at", order="asc", limit=5, workflow_name="story"
    )
    check("deployments", [each.name for each in found.deployments] == ["py"])
    wanted = {"created_by": "me", "owner": "me", "location_types": ["local"], "repository_url": "r", "dockerfile_path": "d"}
    deployments.list_deployments(**wanted)
    wrong = refused(lambda: deployments.list_deployments(cursor="no"))
    check("a cursor of deployments", wrong is None or wrong["status"] in (400, 422))
    wrong = refused(lambda: deployments.list_deployments(workspace_id="another"))
    check("another workspace", wrong["status"] == 403)
    deployment = deployments.get_deployment(name="py", workflow_name="story")
    check("a deployment", deployment.name == "py")
    workers = deployments.list_deployment_workers(name="py", worker_status="active", limit=1)
    check("workers", [each.name for each in workers.workers] == ["story-worker"])
    wrong = refused(lambda: deployments.list_deployment_workers(name="py", cursor="no"))
    check("a cursor of workers", wrong is None or wrong["status"] in (400, 422))
    wrong = refused(lambda: deployments.unharden_deployment(deployment_id=deployment.id, workspace_id="another"))
    check("unhardening in another workspace", wrong is None or wrong["status"] in (403, 404))
    deployments.unharden_deployment(deployment_id=deployment.id)


def hosted():
    spec = {"github_url": "https://example.org/repository"}
    for name, call in (
        ("create", lambda: deployments.create_deployment(name="hosted", spec=spec)),
        ("update", lambda: deployments.update_deployment(name="py", spec={}, resources={"replicas": 2})),
        ("delete", lambda: deployments.delete_deployment(name="py")),
        ("start", lambda: deployments.start_deployment(name="py")),
        ("stop", lambda: deployments.stop_deployment(name="py")),
        ("restart", lambda: deployments.restart_deployment(name="py")),
        ("archive", lambda: deployments.get_deployment_archive(name="py")),
    ):
        answer = refused(call)
        check(f"{name} a hosted deployment", answer is not None and answer["status"] == 501)


workflow_id, registration_id = registered()
changed(workflow_id)
run_id = executed(registration_id)
observed(run_id)
logged(run_id)
ended(run_id)
repeated()
scheduled(registration_id)
deployed()
hosted()

missing = []
for path, parameters in declared(client.workflows):
    if path not in passed:
        missing.append(path)
    else:
        missing += [f"{path} {each}" for each in parameters if each not in passed[path]]
print(json.dumps({"missing": [each for each in missing if each not in LEFT_OUT], "failed": failed}))
