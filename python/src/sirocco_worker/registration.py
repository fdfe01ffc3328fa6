"""What the SDK registers, in the form that the worker core takes; and what is refused before a worker starts."""

import hashlib
import inspect
import json
import os
import pkgutil
from contextlib import suppress
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sirocco_worker import encoding, kinds, replay
from sirocco_worker.frames import Message
from sirocco_worker.internal import is_bookkeeping
from sirocco_worker.refusal import refuse
from sirocco_worker.versions import host_name

CACHED_RUNS = 300
"""A parked run takes about 200 KiB in Python."""
WORKFLOWS_AT_ONCE = 200


def prepare() -> None:
    """Right after the server was found to be a Sirocco: settings that would not work are refused or switched off."""
    from mistralai.workflows.core.config.config import config

    _refuse_settings(config)
    encoding.prepare()
    common = config.common
    if not (common.otel_endpoint or common.otel_local):
        # On by default, they would go to <SERVER_URL>/telemetry/…, which is another product's.
        common.mistral_workflows_otel_traces_export = bool(common.otel_traces_endpoint)
        common.mistral_workflows_otel_metrics_export = bool(common.otel_metrics_endpoint)
        common.mistral_workflows_otel_logs_export = bool(common.otel_logs_endpoint)
        if not common.mistral_workflows_otel_traces_export and "otel_sample_rate" not in common.model_fields_set:
            # Spans that nothing exports. Their ids stay, and are passed on as those of traces that are not sampled.
            common.otel_sample_rate = 0.0


def _refuse_settings(config: Any) -> None:
    if config.worker.versioning.enabled:
        refuse("worker versioning (BUILD_ID) is not supported by Sirocco: unset WORKER_VERSIONING_ENABLED")
    if config.worker.graph.upload_graph:
        refuse("pictures of workflows (GRAPH__UPLOAD_GRAPH) are not supported by Sirocco: unset it")


def hello(body: dict[str, Any], url: str) -> Message:
    """The core's `hello`, without its envelope, from the body of the SDK's registration. Exits on what is unsupported."""
    from mistralai.workflows.core.auth import get_token_provider
    from mistralai.workflows.core.config.config import config

    provider = get_token_provider()
    definitions = served(body["definitions"], config.worker.workflow_name_prefix)
    _refuse_definitions(definitions)
    _refuse_plugins()
    return {
        "host": host_name(),
        "deployment": body["deployment_name"],
        "worker": body["worker_name"],
        "url": os.environ.get("SIROCCO_URL") or url,
        "key": os.environ.get("SIROCCO_API_KEY") or (provider.get_token() if provider else ""),
        "definitions": [definition_of(one) for one in definitions],
        "hashes": {one["name"]: _hash_of(one) for one in definitions},
        "activities": _activities(),
        "sessions": kinds.any_sticky(),
        "limits": {
            "activities": config.worker.max_concurrent_activities,
            "workflows": WORKFLOWS_AT_ONCE,
            "cached": CACHED_RUNS,
        },
        **({"replay": files} if (files := replay.requested()) else {}),
        **encoding.options(),
    }


def served(definitions: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """None for `run_worker([])`, to which the SDK adds its own workflows: the worker runs activities for other workers of the
    deployment."""
    from mistralai.workflows.constants import OBO_PARALLEL_EXECUTION_WORKFLOW_NAME, PARALLEL_EXECUTION_WORKFLOW_NAME

    of_the_sdk = {PARALLEL_EXECUTION_WORKFLOW_NAME, OBO_PARALLEL_EXECUTION_WORKFLOW_NAME}
    return definitions if any(one["name"].removeprefix(prefix) not in of_the_sdk for one in definitions) else []


def definition_of(spec: dict[str, Any]) -> Message:
    """A workflow's registration, as `shared/protocol/worker.ts` has it."""

    def handlers(kind: str) -> list[Message]:
        keys = ["name", "description", "input_schema"] + ([] if kind == "signals" else ["output_schema"])
        return [{key: handler.get(key) for key in keys} for handler in spec.get(kind) or []]

    return {
        "name": spec["name"],
        "display_name": spec.get("display_name") or None,
        "description": spec.get("description"),
        "input_schema": spec["input_schema"],
        "output_schema": spec.get("output_schema"),
        "signals": handlers("signals"),
        "queries": handlers("queries"),
        "updates": handlers("updates"),
        "enforce_determinism": bool(spec.get("enforce_determinism")),
        "is_technical": bool(spec.get("is_technical")),
        "execution_timeout": _seconds(spec.get("execution_timeout", 3600)),
        "schedules": spec.get("schedules") or [],
    }


def _seconds(duration: Any) -> float:
    from datetime import timedelta

    from pydantic import TypeAdapter

    return TypeAdapter(timedelta).validate_python(duration).total_seconds()


def _hash_of(spec: dict[str, Any]) -> str:
    """Names code and schemas in histories. Says nothing of helpers in other modules."""
    from mistralai.workflows.core.definition.workflow_definition import get_workflow_definition

    source = ""
    for workflow in _workflow_classes():
        if get_workflow_definition(workflow).name == spec["name"]:
            with suppress(OSError, TypeError):  # a class made at run time has no source
                source = inspect.getsource(workflow)
    content = json.dumps([spec["name"], spec["input_schema"], spec.get("output_schema"), source], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _workflow_classes() -> list[type]:
    """All that the SDK's decorator has made, newest last: nothing lists those that `run_worker` was given."""
    found, waiting = [], [object]
    for cls in waiting:
        for sub in type.__subclasses__(cls):
            waiting.append(sub)
            if "__workflows_workflow_def" in vars(sub):
                found.append(sub)
    return found


def _refuse_definitions(definitions: list[dict[str, Any]]) -> None:
    named = [one["name"] for one in definitions if one.get("on_behalf_of")]
    if named:
        refuse(f"on_behalf_of is not supported by Sirocco: remove it from workflow {', '.join(named)}")


def _refuse_plugins() -> None:
    """Connectors speak with another product's server. They are known by the marks that the SDK itself looks for."""
    from mistralai.workflows import plugins
    from mistralai.workflows.core._graph_builder import _connectors_from_func
    from mistralai.workflows.core.activity import _activities_by_name
    from mistralai.workflows.core.workflow import get_all_registered_workflows

    refuse_connectors(
        {cls.__name__: vars(cls).get("__plugin_metadata__") or {} for cls in get_all_registered_workflows()},
        # What is registered with temporalio has lost the parameters that the SDK fills in.
        {
            name: _connectors_from_func(getattr(activity, "__original_func__", activity))
            for name, activity in _activities_by_name.items()
        },
    )
    if any(module.name == "webhook" for module in pkgutil.iter_modules(plugins.__path__)):
        refuse("the webhook plugin is not supported by Sirocco: uninstall mistralai-workflows-plugins-webhook")


def refuse_connectors(workflows: dict[str, dict[str, Any]], activities: dict[str, list[str]]) -> None:
    """`workflows`: metadata of plugins, by class. `activities`: names of connectors, by function."""
    users = [name for name, metadata in workflows.items() if (metadata.get("mistralai") or {}).get("connectors")]
    users += [name for name, connectors in activities.items() if connectors]
    if users:
        refuse(f"connectors are not supported by Sirocco: remove them from {', '.join(sorted(users))}")


def _activities() -> list[str]:
    import temporalio.activity
    from mistralai.workflows.core.activity import get_all_temporal_activities

    names = []
    for function in get_all_temporal_activities():
        name = temporalio.activity._Definition.must_from_callable(function).name or ""
        if not is_bookkeeping(name):
            names.append(name)
    return names


def registered(body: dict[str, Any]) -> Message:
    """The answer that the SDK expects. Its ids mean nothing here, but must be there."""
    refs = []
    for one in body["definitions"]:
        workflow = str(uuid5(NAMESPACE_URL, f"workflow/{one['name']}"))
        version = str(uuid5(NAMESPACE_URL, f"registration/{one['name']}"))
        refs.append({"workflow_id": workflow, "workflow_version_id": version, "workflow_registration_id": version})
    return {
        "has_conflicts": False,
        "workflow_registration_ids": [ref["workflow_registration_id"] for ref in refs],
        "workflow_registration_refs": refs,
        "warnings": [],
    }


def refusal(answer: Message) -> str:
    """One sentence for a registration that failed."""
    if answer["status"] == 401:
        return f"the server does not accept this key ({answer['message']}): set MISTRAL_API_KEY to a key of the server"
    return f"the worker was not registered: {answer['message']}"
