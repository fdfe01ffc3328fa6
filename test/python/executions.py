"""Executions through the official Python client, in the form of its documentation. Prints JSON."""

import json
import sys
import time

from official import client, plain, refused

workflows = client.workflows
executions = workflows.executions


def wait_until_closed(execution_id):
    for _ in range(240):
        found = executions.get_workflow_execution(execution_id=execution_id)
        if found.status != "RUNNING":
            return found
        time.sleep(0.25)
    raise TimeoutError(execution_id)


def types_until_end(stream):
    """The types of the events up to the completion of the workflow, and whether their sequence numbers rise."""
    types, sequences = [], []
    with stream as frames:
        for frame in frames:
            event = frame.data.data
            types.append(event.event_type)
            sequences.append(frame.data.broker_sequence)
            if event.event_type == "WORKFLOW_EXECUTION_COMPLETED":
                break
    return {"types": types, "rising": sequences == sorted(set(sequences))}


def lifecycle(execution_id):
    """One execution from start to completion, with a query, updates, a signal, streams, history and search."""
    out = {}
    started = workflows.execute_workflow(
        workflow_identifier="story", input={"name": "Ada"}, execution_id=execution_id, deployment_name="py"
    )
    out["started"] = [started.execution_id, started.status]
    out["again"] = refused(
        lambda: workflows.execute_workflow(workflow_identifier="story", input={"name": "x"}, execution_id=execution_id)
    )
    out["query"] = executions.query_workflow_execution(execution_id=execution_id, name="status").result
    out["update"] = executions.update_workflow_execution(
        execution_id=execution_id, name="rename", input={"name": "Grace"}
    ).result
    out["bad_update"] = refused(
        lambda: executions.update_workflow_execution(execution_id=execution_id, name="rename", input={"name": 7})
    )
    out["signal"] = plain(executions.signal_workflow_execution(execution_id=execution_id, name="approve", input={}))
    found = wait_until_closed(execution_id)
    out["ended"] = [found.status, found.result, found.workflow_name]
    out["stream"] = types_until_end(executions.stream(execution_id=execution_id))
    out["events"] = types_until_end(workflows.events.get_stream_events(workflow_exec_id=execution_id))
    history = executions.get_workflow_execution_history(execution_id=execution_id)
    out["history"] = [event["kind"] for event in history["events"]]
    otel = executions.get_workflow_execution_trace_otel(execution_id=execution_id)
    spans = otel.otel_trace_data.batches[0].scope_spans[0].spans
    info = executions.get_workflow_execution_trace_info(execution_id=execution_id)
    tree = executions.get_workflow_execution_trace_summary(execution_id=execution_id).span_tree
    events = executions.get_workflow_execution_trace_events(execution_id=execution_id, merge_same_id_events=True).events
    out["trace"] = {
        "same": {each.trace_id for each in spans} == {otel.otel_trace_id} == {info.otel_trace_id},
        "tree": [tree.span_id, *(each.span_id for each in tree.children)] == [each.span_id for each in spans],
        "run": [spans[0].name, [each.status for each in events if each.id == tree.span_id]],
    }
    runs = workflows.runs.list_runs(search=execution_id).result
    out["runs"] = [[run.execution_id, run.status] for run in runs.executions]
    return out


def waits():
    """The three ways to wait for a result."""
    result = workflows.execute_workflow(
        workflow_identifier="sum", input={"numbers": [1, 2, 3]}, wait_for_result=True, timeout_seconds=60
    )
    return {
        "in_the_call": result.result,
        "by_api_sync": workflows.execute_workflow_and_wait("sum", {"numbers": [4, 5]}, use_api_sync=True),
        "by_polling": workflows.execute_workflow_and_wait("sum", {"numbers": [6]}, polling_interval=1),
    }


def ends():
    """Executions that are cancelled or terminated, and refused requests."""
    out = {}
    for name, end in (
        ("cancelled", executions.cancel_workflow_execution),
        ("terminated", executions.terminate_workflow_execution),
    ):
        started = workflows.execute_workflow(workflow_identifier="story", input={"name": name})
        executions.query_workflow_execution(execution_id=started.execution_id, name="status")
        end(execution_id=started.execution_id)
        out[name] = wait_until_closed(started.execution_id).status
    ids = [workflows.execute_workflow(workflow_identifier="story", input={"name": "b"}).execution_id for _ in range(2)]
    many = executions.batch_cancel_workflow_executions(execution_ids=[*ids, "unknown"]).results
    out["batch_cancelled"] = [many[ids[0]].status, many[ids[1]].status, many["unknown"].status, many["unknown"].error]
    out["batch_cancelled"] += [wait_until_closed(ids[0]).status, wait_until_closed(ids[1]).status]
    last = workflows.execute_workflow(workflow_identifier="story", input={"name": "t"}).execution_id
    many = executions.batch_terminate_workflow_executions(execution_ids=[last, ids[0]]).results
    out["batch_terminated"] = [many[last].status, many[ids[0]].status, wait_until_closed(last).status]
    out["unknown"] = refused(lambda: executions.get_workflow_execution(execution_id="unknown"))
    out["unknown_deployment"] = refused(lambda: workflows.execute_workflow(workflow_identifier="story", deployment_name="none"))
    out["invalid"] = refused(lambda: workflows.execute_workflow(workflow_identifier="story", input={"name": 7}))
    return out


def resets(execution_id):
    """A completed execution goes on from an earlier decision, in a new run, and completes again."""
    out = {}
    workflows.execute_workflow(workflow_identifier="story", input={"name": "Ada"}, execution_id=execution_id)
    executions.signal_workflow_execution(execution_id=execution_id, name="approve", input={})
    before = wait_until_closed(execution_id)
    wrong = refused(lambda: executions.reset_workflow(execution_id=execution_id, event_id=9999, reason="typo"))
    out["wrong"] = [wrong["error"], wrong["status"], wrong["body"]["code"]]
    events = wrong["body"]["valid_reset_events"]
    out["described"] = [each["event_id"] for each in wrong["body"]["reset_points"]] == events
    executions.reset_workflow(
        execution_id=execution_id, event_id=events[0], reason="again", exclude_signals=False, exclude_updates=True
    )
    found = wait_until_closed(execution_id)
    out["ended"] = [found.status, found.result, found.run_id != before.run_id]
    history = executions.get_workflow_execution_history(execution_id=execution_id)["events"]
    out["reset"] = [[e["from"], e["reason"], e["excluded"]] for e in history if e["kind"] == "execution_reset"] == [
        [before.run_id, "again", ["updates"]]
    ]
    out["unknown"] = refused(lambda: executions.reset_workflow(execution_id="unknown", event_id=2))["status"]
    return out


def changes():
    """An operator's changes: titles, tags, archiving, and the operations that only this client has."""
    out = {}
    updated = workflows.update_workflow(workflow_identifier="sum", display_name="Sums", tags=["math"]).workflow
    out["updated"] = [updated.display_name, updated.tags]
    workflows.add_workflow_tags(workflow_identifier="sum", tags=["small"])
    out["tagged"] = [each.name for each in workflows.get_workflows(tags=["math", "small"]).result.workflows]
    out["archived"] = workflows.archive_workflow(workflow_identifier="sum").workflow.archived
    out["unarchived"] = workflows.unarchive_workflow(workflow_identifier="sum").workflow.archived
    bulk = workflows.bulk_archive_workflows(workflow_ids=[updated.id, "unknown"])
    out["bulk"] = [[each.name for each in bulk.archived], [each.workflow_id for each in bulk.errored]]
    bulk = workflows.bulk_unarchive_workflows(workflow_ids=[updated.id])
    out["unbulk"] = [each.name for each in bulk.unarchived]
    deployment = workflows.deployments.get_deployment(name="py")
    workflows.deployments.unharden_deployment(deployment_id=deployment.id)
    out["hardened"] = workflows.deployments.get_deployment(name="py").is_hardened
    out["deployment_archive"] = refused(lambda: workflows.deployments.get_deployment_archive(name="py"))["status"]
    return out


def metrics():
    """The counts of a workflow, once all runs that began are counted as ended."""
    ended = workflows.execute_workflow(workflow_identifier="sum", input={"numbers": [1]}, wait_for_result=True).execution_id
    for _ in range(240):
        found = workflows.metrics.get_workflow_metrics(workflow_name="sum")
        if found.success_count.value >= 1:
            break
        time.sleep(0.25)
    return {
        "ended": isinstance(ended, str),
        "counted": found.execution_count.value >= found.success_count.value >= 1,
        "errors": found.error_count.value,
        "latency": found.average_latency_ms.value > 0,
        "over_time": len(found.latency_over_time.value) >= 1,
        "retries": found.retry_rate.value,
    }


def lists():
    """The registered workflows, deployments and workers."""
    page = workflows.get_workflows()
    deployments = workflows.deployments.list_deployments().deployments
    workers = workflows.deployments.list_deployment_workers(name="py").workers
    return {
        "workflows": sorted(each.name for each in page.result.workflows),
        "deployments": [[each.name, each.is_active] for each in deployments if each.name == "py"],
        "workers": [each.name for each in workers],
    }


scenarios = {each.__name__: each for each in (lifecycle, waits, ends, resets, changes, metrics, lists)}
print(json.dumps(scenarios[sys.argv[1]](*sys.argv[2:])))
