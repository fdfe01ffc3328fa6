"""Encoded payloads through the official Python client, configured as its documentation says. Prints JSON."""

import asyncio
import json
import os
import sys

from mistralai.client import Mistral
from mistralai.extra.workflows.encoding import (
    BlobStorageConfig,
    PayloadCompressionConfig,
    PayloadEncryptionConfig,
    PayloadOffloadingConfig,
    WorkflowEncodingConfig,
    configure_workflow_encoding,
)
from official import client, plain

workflows = client.workflows
executions = workflows.executions
options = json.loads(sys.argv[2])


def encoding():
    """The client's configuration. `options` has the keys, and the store if there is one."""
    storage = options.get("s3")
    return WorkflowEncodingConfig(
        payload_encryption=PayloadEncryptionConfig(
            mode=options["mode"], main_key=options["key"], secondary_key=options.get("previous")
        ),
        payload_compression=PayloadCompressionConfig(min_size_bytes=10_000) if storage else None,
        payload_offloading=PayloadOffloadingConfig(
            min_size_bytes=100_000,
            storage_config=BlobStorageConfig(
                bucket_name="blobs",
                prefix="mine",
                region_name="us-east-1",
                endpoint_url=storage,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            ),
        )
        if storage
        else None,
    )


def run(workflow, value):
    return workflows.execute_workflow(
        workflow_identifier=workflow, input=value, deployment_name=options["deployment"], wait_for_result=True
    )


def story(execution_id):
    """One execution from start to end, with every kind of payload that the client sends and reads."""
    out = {}
    workflows.execute_workflow(
        workflow_identifier="story",
        input={"name": "Ada Lovelace"},
        execution_id=execution_id,
        deployment_name=options["deployment"],
    )
    executions.signal_workflow_execution(execution_id=execution_id, name="rename", input={"name": "Ada II"})
    out["query"] = executions.query_workflow_execution(execution_id=execution_id, name="who").result
    out["update"] = executions.update_workflow_execution(
        execution_id=execution_id, name="finish", input={"name": "Ada III"}
    ).result
    out["streamed"] = asyncio.run(streamed(execution_id))
    out["result"] = executions.get_workflow_execution(execution_id=execution_id).result
    events = workflows.events.get_workflow_events(root_workflow_exec_id=execution_id).events
    out["events"] = [[event.event_type, values(plain(event)["attributes"])] for event in events]
    return out


async def streamed(execution_id):
    """The result in the stream. With an encoding the client's synchronous streams fail in the client itself."""
    own = Mistral(api_key=os.environ["SIROCCO_API_KEY"], server_url=os.environ["SIROCCO_URL"])
    await configure_workflow_encoding(encoding(), client=own)
    async with await own.workflows.executions.stream_async(execution_id=execution_id) as frames:
        async for frame in frames:
            event = frame.data.data
            if event.event_type == "WORKFLOW_EXECUTION_COMPLETED":
                return event.attributes.result.value


def values(attributes):
    return [attributes[name]["value"] for name in ("input", "payload", "result") if attributes.get(name)]


def schedule():
    """A schedule whose input the client encodes, and reads again."""
    created = workflows.schedules.schedule_workflow(
        workflow_identifier="echo",
        deployment_name=options["deployment"],
        schedule={"input": {"secret": "Ada"}, "intervals": [{"every": "P1D"}]},
    )
    return {"input": workflows.schedules.get_schedule(schedule_id=created.schedule_id).input}


def echo(value):
    started = run("echo", json.loads(value))
    return {"execution": started.execution_id, "result": started.result}


def login(user, token):
    """A workflow with a marked text in its input, its result and the states of its task."""
    started = run("login", {"user": user, "token": {"field_type": "__encrypted_str__", "data": token}})
    events = workflows.events.get_workflow_events(root_workflow_exec_id=started.execution_id).events
    shown = [plain(event)["attributes"] for event in events if event.event_type.startswith("CUSTOM_TASK_")]
    return {
        "execution": started.execution_id,
        "result": started.result,
        "payloads": [attributes["payload"]["value"] for attributes in shown],
    }


def large(size):
    """Two inputs of this size: one that compresses well, and one that does not."""
    texts = ["abcdefgh" * (int(size) // 8), os.urandom(int(size)).hex()]
    answers = [run("echo", {"text": text}) for text in texts]
    return {
        "executions": [answer.execution_id for answer in answers],
        "same": [answer.result == {"text": text} for answer, text in zip(answers, texts)],
    }


asyncio.run(configure_workflow_encoding(encoding(), client=client))
scenarios = {each.__name__: each for each in (story, schedule, echo, login, large)}
print(json.dumps(scenarios[sys.argv[1]](*sys.argv[3:])))
