"""The worker's HTTP calls: those that the worker core makes itself end here, all others go to the server.

The SDK's setting `config.http.transport_factory` gives it the transport. `whoami` goes to the server and says whether it is a
Sirocco; if not, every call goes on unchanged.
"""

import json
from typing import Any

import httpx

from sirocco_worker import registration, replay
from sirocco_worker.bridge import Host
from sirocco_worker.refusal import refuse

WHOAMI = "/v1/workflows/workers/whoami"
REGISTER = "/v1/workflows/register"
HEARTBEAT = "/v1/workflows/workers/heartbeat"
DESCRIPTION = "/openapi.json"
"""What any server of Sirocco tells of itself without a key."""
EVENTS = ("/v1/workflows/events", "/v1/workflows/events/batch")
GRAPHS = "/graphs"

_engine: str | None = None
"""What `whoami` said: `sirocco`, or `other`. None: it has not been asked."""
_worker_url: str | None = None
"""Where the core connects: embedded the server itself, on AWS the workers' own address."""


def install() -> None:
    """Takes the transport and, for speed, the two calls that the SDK makes for each event."""
    from mistralai.workflows.core.config import config_discovery
    from mistralai.workflows.core.config.config import config
    from mistralai.workflows.worker_client.events import Events

    ask = config_discovery._fetch_worker_runtime_config

    async def fetch_worker_runtime_config() -> Any:
        await _refuse_token_file(config)
        return await ask()

    config_discovery._fetch_worker_runtime_config = fetch_worker_runtime_config

    given = config.http.transport_factory

    def factory(client_class: type) -> Any:
        real = given(client_class) if given else _real_transport(client_class)
        return Router(real) if issubclass(client_class, httpx.AsyncClient) else real

    config.http.transport_factory = factory

    send_one, send_many = Events.send_event_async, Events.send_events_batch_async

    async def send_event_async(self: Any, *, event: Any, **rest: Any) -> Any:
        if _engine != "sirocco":
            return await send_one(self, event=event, **rest)
        return _taken([event])

    async def send_events_batch_async(self: Any, *, events: Any, **rest: Any) -> Any:
        if _engine != "sirocco":
            return await send_many(self, events=events, **rest)
        return _taken(events)

    # The generated client builds a class for each event, 12 ms of CPU a step, only for this process to read it again.
    Events.send_event_async = send_event_async  # type: ignore[method-assign]
    Events.send_events_batch_async = send_events_batch_async  # type: ignore[method-assign]


async def _refuse_token_file(config: Any) -> None:
    """Before `whoami`, which the SDK sends with the token: of a file that is not there, or of another server's."""
    if not config.common.mistral_sa_token_path:
        return
    try:
        async with httpx.AsyncClient(transport=_real_transport(httpx.AsyncClient), timeout=10) as client:
            described = await client.get(config.worker.server_url.rstrip("/") + DESCRIPTION)
            is_sirocco = described.json()["info"]["title"] == "Sirocco"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return  # no Sirocco, or none that answers: `whoami` tells what is wrong
    if is_sirocco:
        refuse(
            "MISTRAL_SA_TOKEN_PATH is not supported by Sirocco: unset it, and set MISTRAL_API_KEY to a key of the server"
        )


class _Answer:
    status = "success"


def _taken(events: list[Any]) -> _Answer:
    from mistralai.workflows.hooks.metadata_hook import _build_metadata_header

    for event in events:
        if event["event_type"].startswith("CUSTOM_TASK_"):
            _publish(event, json.loads(_build_metadata_header()))
    return _Answer()


def _publish(event: dict[str, Any], about: dict[str, str]) -> None:
    """Events of workflows and activities are made of the history; only task events of activities are news."""
    attributes = dict(event["attributes"])
    progress = {
        "event": event["event_type"].removeprefix("CUSTOM_TASK_").lower(),
        "task": attributes.pop("custom_task_id"),
        "task_type": attributes.pop("custom_task_type"),
        "attributes": attributes,
    }
    if Host.current is not None:
        Host.current.publish(about.get("run_id"), about.get("task_id"), about.get("attempt"), progress)


def is_known_sirocco() -> bool:
    """As far as the server has been asked."""
    return _engine == "sirocco"


async def is_sirocco() -> bool:
    """What the server is; asks it where the SDK's own discovery is switched off."""
    if _engine is None:
        from mistralai.workflows.core.config.config_discovery import _fetch_worker_runtime_config

        await _fetch_worker_runtime_config()
    return _engine == "sirocco"


def worker_url() -> str:
    assert _worker_url is not None
    return _worker_url


def _real_transport(client_class: type) -> Any:
    from mistralai.workflows.core import _http_transport
    from mistralai.workflows.core.config.config import config

    make = (
        _http_transport._async_http_transport
        if issubclass(client_class, httpx.AsyncClient)
        else _http_transport._sync_http_transport
    )
    return make(proxy=config.http.proxy, verify=_http_transport.verify())


class Router(httpx.AsyncBaseTransport):
    """Answers the worker's own calls, passes on all others."""

    def __init__(self, real: httpx.AsyncBaseTransport) -> None:
        self._real = real

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith(WHOAMI):
            return await self._whoami(request)
        if _engine != "sirocco":
            return await self._real.handle_async_request(request)
        if path.endswith(REGISTER):
            return await self._register(await _json(request))
        if path.endswith(HEARTBEAT):
            return httpx.Response(200, json={"all_active": True})  # the core's own heartbeats count
        if path.endswith(EVENTS):
            return _events(await _json(request), request)
        return await self._real.handle_async_request(request)

    async def aclose(self) -> None:
        await self._real.aclose()

    async def _whoami(self, request: httpx.Request) -> httpx.Response:
        global _engine, _worker_url
        if replay.requested():
            _engine, _worker_url = "sirocco", replay.WHOAMI["scheduler_url"]
            registration.prepare()
            return httpx.Response(200, json={**replay.WHOAMI, "features": {"events_api_version": "v1"}})
        try:
            response = await self._real.handle_async_request(request)
        except httpx.UnsupportedProtocol:
            from mistralai.workflows.core.config.config import config

            server = config.worker.server_url
            refuse(f"SERVER_URL is '{server}', which has no http:// or https:// before it: write it as http://{server}")
        except httpx.TransportError as error:
            refuse(
                f"the server at {request.url.copy_with(path='/', query=None)} cannot be reached ({error}): start it "
                "(`npx sirocco dev`), or set SERVER_URL to its address"
            )
        body = await response.aread()
        headers = {k: v for k, v in response.headers.items() if k not in ("content-length", "content-encoding")}
        if response.status_code != 200:
            return httpx.Response(response.status_code, headers=headers, content=body)
        info = json.loads(body)
        _engine = "sirocco" if info.get("engine") == "sirocco" else "other"
        if _engine == "sirocco":
            _worker_url = info["scheduler_url"]
            registration.prepare()
            # Version 2 would ask the server for a route before the first event of each run.
            info["features"] = {**(info.get("features") or {}), "events_api_version": "v1"}
        return httpx.Response(200, headers=headers, json=info)

    async def _register(self, body: dict[str, Any]) -> httpx.Response:
        host = Host.current
        assert host is not None
        answer = await host.register(registration.hello(body, worker_url()))
        if answer["type"] == "refused":
            refuse(registration.refusal(answer))
        return httpx.Response(200, json=registration.registered(body))


async def _json(request: httpx.Request) -> Any:
    return json.loads(await request.aread() or b"null")


def _events(body: dict[str, Any], request: httpx.Request) -> httpx.Response:
    events = body["events"] if "events" in body else [body["event"]]
    about = json.loads(request.headers.get("x-metadata") or "{}")
    for event in events:
        if event["event_type"].startswith("CUSTOM_TASK_"):
            _publish(event, about)
    received = {"events_received": len(events)} if "events" in body else {}
    return httpx.Response(200, json={"status": "success", **received})
