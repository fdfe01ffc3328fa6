"""The AWS account that the end-to-end tests deploy into: MiniStack, served by uvicorn, with the fixes below.

Each fix names the module that it changes and what the module did before. Each depends on private names of one release, so
this program refuses to patch another release.
"""

import asyncio
import bisect
import contextvars
import importlib.metadata
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import uuid
from pathlib import Path

WRITTEN_FOR = "1.5.33"
HERE = Path(__file__).resolve().parent
PORT = int(os.environ.get("GATEWAY_PORT", "4566"))
# Set by test runs: the emulator ends when this process ends, so that a killed test run leaves no emulator.
OWNER = int(os.environ.get("SIROCCO_EMULATOR_OWNER", "0"))
# Length of a minute in rules such as rate(1 minute), seconds. Tests that wait for the sweeper shorten it.
RULE_MINUTE = float(os.environ.get("SIROCCO_EMULATOR_RULE_MINUTE", "60"))

found = importlib.metadata.version("ministack")
if found != WRITTEN_FOR:
    sys.exit(f"emulator.py patches ministack {WRITTEN_FOR} but found {found}: check every patch in it, then change WRITTEN_FOR")

# Handlers are unpacked outside the project. Inside it, the project's "type": "module" would break the runtime's CommonJS
# worker, and its node_modules would satisfy an import that a real Lambda could not resolve.
SCRATCH = Path(tempfile.gettempdir()) / f"sirocco-emulator-{PORT}"

# Lambda processes inherit this whole environment, so it has no variables that a Lambda would not have: a handler that
# needs a variable of the developer's shell must fail here as on AWS.
kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "LOG_LEVEL")}
os.environ.clear()
os.environ.update(kept)
os.environ.update(
    {
        "AUTH": "true",  # signatures, role policies and session policies are enforced
        "GATEWAY_PORT": str(PORT),
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_WARM_TTL_SECONDS": "60",
        "TMPDIR": str(SCRATCH),
    }
)
shutil.rmtree(SCRATCH, ignore_errors=True)
SCRATCH.mkdir(parents=True)
tempfile.tempdir = None  # forget the folder computed above, before TMPDIR was set

import uvicorn  # noqa: E402
import uvloop  # noqa: E402
from ministack.app import app as ministack  # noqa: E402
from ministack.core import iam_actions, lambda_runtime  # noqa: E402
from ministack.services import apigateway_v1 as rest  # noqa: E402
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler, sqs  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402


def patch_lambda_logs() -> None:
    """core.lambda_runtime: waited 50 ms for a first line of an invocation that logs nothing."""
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.002, 0.001, 0.25)


COMPARISONS = ("EQ", "LT", "LE", "GT", "GE")


def key_clause(tokens, values, names):
    """What one clause of a key condition asks of an item."""
    kinds = [kind for kind, _ in tokens]
    texts = [names.get(text, text) if kind == "NAME_REF" else text for kind, text in tokens]
    compare = dynamodb._compare_ddb
    if len(tokens) == 3 and kinds[1] in COMPARISONS:
        (name, operator, _), wanted = texts, values[texts[2]]
        return lambda item: compare(item.get(name), operator, wanted)
    if len(tokens) == 5 and texts[1].upper() == "BETWEEN":
        name, low, high = texts[0], values[texts[2]], values[texts[4]]
        return lambda item: compare(item.get(name), ">=", low) and compare(item.get(name), "<=", high)
    if len(tokens) == 6 and texts[0] == "begins_with":
        name, wanted = texts[2], values[texts[4]]
        [(kind, prefix)] = wanted.items()
        return lambda item: str(item.get(name, {}).get(kind, "")).startswith(prefix)
    raise ValueError(f"emulator.py does not know this key condition: {' '.join(texts)}")


def patch_key_conditions() -> None:
    """services.dynamodb: checked and parsed the key condition of a query again for each item of a partition or an index, which took
    nine tenths of the time of a query."""
    evaluate, query = dynamodb._evaluate_condition, threading.local()

    def parsed_once(expression, item, values, names, slot="ConditionExpression"):
        if slot != "KeyConditionExpression":
            return evaluate(expression, item, values, names, slot)
        known = getattr(query, "known", None)
        if known and known[0] == expression and known[1] is values and known[2] is names:
            return all(clause(item) for clause in known[3])
        answer = evaluate(expression, item, values, names, slot)  # refuses what is wrong
        clauses = dynamodb._key_condition_clauses(dynamodb._tokenize(expression))
        query.known = expression, values, names, [key_clause(tokens, values, names) for tokens in clauses]
        return answer

    dynamodb._evaluate_condition = parsed_once


def patch_cursors() -> None:
    """services.dynamodb: compared each item of an index partition with the place at which a page begins, although they are sorted."""
    after_key = dynamodb._apply_exclusive_start_key

    def after(candidates, key, pk_name, sk_name, scan_forward=True, table=None):
        if table is None or not key or not scan_forward:
            return after_key(candidates, key, pk_name, sk_name, scan_forward, table)
        order = dynamodb._index_order_keys(table, sk_name)

        def place(item):
            return tuple(dynamodb._index_order_value(item, name, kind) for name, kind in order)

        return candidates[bisect.bisect_right(candidates, place(key), key=place) :]

    dynamodb._apply_exclusive_start_key = after


caller_gone = contextvars.ContextVar("caller_gone")


def patch_long_polls() -> None:
    """services.sqs: a long poll went on without its caller, and took messages that nobody got until their visibility timeout."""
    collect = sqs._collect_msgs

    def collect_for_callers(*args, **options):
        gone = caller_gone.get(None)
        return [] if gone is not None and gone.is_set() else collect(*args, **options)

    sqs._collect_msgs = collect_for_callers


def patch_lambda_globals() -> None:
    """core.lambda_runtime: its Node runtime had no `awslambda`. Not by NODE_OPTIONS, which a function may set itself."""
    preload = json.dumps(str(HERE / "lambda-runtime.cjs"))
    lambda_runtime._NODEJS_WORKER_SCRIPT = f"require({preload});\n{lambda_runtime._NODEJS_WORKER_SCRIPT}"


def patch_streaming_integrations() -> None:
    """services.apigateway_v1: did not recognise the URI of a streaming integration, which has another ending, as a function."""
    reference = rest._extract_lambda_ref_from_integration_uri
    rest._extract_lambda_ref_from_integration_uri = lambda uri: reference(
        (uri or "").replace("/response-streaming-invocations", "/invocations")
    )


def patch_scheduler() -> None:
    """services.scheduler: checked every 10 s; and a schedule that had fired once never fired again, even if it was deleted
    and created again, or moved to another time."""
    scheduler._SCHEDULE_TICK_INTERVAL = 1

    def rearming(change):
        def changed(name, arguments):
            answer = change(name, arguments)
            group = arguments.get("GroupName") or arguments.get("groupName") or "default"
            if answer[0] == 200:
                for key in [k for k in scheduler._schedule_last_fired if k[2] == f"{group}/{name}"]:
                    scheduler._schedule_last_fired.pop(key, None)
            return answer

        return changed

    for verb in ("_create_schedule", "_update_schedule", "_delete_schedule"):
        setattr(scheduler, verb, rearming(getattr(scheduler, verb)))


def patch_rules() -> None:
    """services.eventbridge: checked every 10 s, the length of a minute was fixed, and a rule fired while its function still worked."""
    eventbridge._SCHEDULER_TICK_INTERVAL = min(1.0, RULE_MINUTE)
    seconds_of = eventbridge._parse_rate_seconds

    def scaled(expression):
        seconds = seconds_of(expression)
        return None if seconds is None else seconds * RULE_MINUTE / 60

    eventbridge._parse_rate_seconds = scaled

    # With a minute of a second a busy machine would start process upon process: the function gets no event while it works.
    execute, working = lambda_svc._execute_function_with_config_scope, set()

    def dispatch(arn, payload):
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config or name in working:
            return
        record = lambda_svc._execution_record_for_config(function, config)
        working.add(name)

        def run():
            try:
                execute(record, json.loads(payload))
            finally:
                working.discard(name)

        threading.Thread(target=run, daemon=True).start()

    eventbridge._dispatch_to_lambda = dispatch


def patch_schedule_groups() -> None:
    """core.iam_actions: took every schedule for one of the group `default`, so that a policy that names another group
    allowed nothing. Calls that change a schedule have the group in the body, calls that read or delete in the query."""
    resource_arn = iam_actions.extract_resource_arn

    def with_group(service, method, path, headers, body, query, region, account):
        arn = resource_arn(service, method, path, headers, body, query, region, account)
        if service != "scheduler" or ":schedule/default/" not in arn:
            return arn
        named = query.get("groupName")
        group = named[0] if isinstance(named, list) else named
        if group is None and body:
            group = json.loads(body).get("GroupName")
        return arn.replace(":schedule/default/", f":schedule/{group or 'default'}/")

    iam_actions.extract_resource_arn = with_group


# An account's concurrency, and the part of it that no function may reserve. POST QUOTA + number sets the former, as AWS does on request.
QUOTA = "/_emulator/concurrency/"
UNRESERVED = 100
concurrency = [1_000]


def patch_concurrency() -> None:
    """services.cloudformation: took any reserved concurrency. AWS keeps a part of the account's for the other functions."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create = handlers["create"]

    def checked(logical_id, props, *more):
        if int(props.get("ReservedConcurrentExecutions") or 0) > concurrency[0] - UNRESERVED:
            raise ValueError(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED}]."
            )
        return create(logical_id, props, *more)

    handlers["create"] = checked


# --- API Gateway's own refusals --------------------------------------------------------------------------------------
# MiniStack has the stage's throttle, unknown paths and the stack's own texts (gateway responses). It has no limits of size
# and time. What depends on load, a test asks for: POST REFUSE + type makes the next request to a REST API fail so.

REFUSE = "/_emulator/refuse/"
refusals: list[str] = []

# Headers that this program adds.
ADDED = ("x-emulator-stream", "x-forwarded-proto")

# Quotas of REST APIs: a body, and the request line together with the values of all headers.
BODY_LIMIT = 10 * 1024 * 1024
HEADERS_LIMIT = 10_240

# In AWS's words, by the type of the gateway response.
SAID = {
    "REQUEST_TOO_LARGE": "Request Too Long",
    "THROTTLED": "Too Many Requests",
    "INTEGRATION_TIMEOUT": "Endpoint request timed out",
    "INTEGRATION_FAILURE": "Internal server error",
}


def patch_rest_refusals() -> None:
    """services.apigateway_v1: took requests of any size, and waited for a function without end."""
    execute = rest._execute_in_scope

    async def checked(request, api_id, stage_name, method, path, headers, body, *more):
        def refusal(kind):
            # A refusal has the texts of the stage's deployment.
            request["stage"] = rest._stages_v1.get(api_id, {}).get(stage_name) or {}
            return rest._gw_error(kind, SAID[kind])

        line = len(f"{method} /{stage_name}{path} HTTP/1.1")
        if line + sum(len(value) for name, value in headers.items() if name.lower() not in ADDED) > HEADERS_LIMIT:
            return 431, {"Content-Type": "application/json"}, b""
        if len(body or b"") > BODY_LIMIT:
            return refusal("REQUEST_TOO_LARGE")
        if refusals:
            return refusal(refusals.pop(0))
        return await execute(request, api_id, stage_name, method, path, headers, body, *more)

    rest._execute_in_scope = checked
    invoke = rest._invoke_lambda_proxy_v1

    async def timed(integration, *arguments, **options):
        try:
            seconds = (integration.get("timeoutInMillis") or 29_000) / 1_000
            return await asyncio.wait_for(invoke(integration, *arguments, **options), seconds)
        except TimeoutError:
            return rest._gw_error("INTEGRATION_TIMEOUT", SAID["INTEGRATION_TIMEOUT"])

    rest._invoke_lambda_proxy_v1 = timed


# --- response streaming ------------------------------------------------------------------------------------------
# MiniStack reads a function's whole answer before it sends a byte. So each request gets an id in a header. A streaming
# handler (see lambda-runtime.cjs) POSTs its chunks to RELAY + id, and this program sends them on to the waiting client.

RELAY = "/_emulator/stream/"
waiting: dict[str, "Client"] = {}

# Lambda's limit of an event and of a buffered answer. AWS's function URLs refuse more, MiniStack has no limit.
FUNCTION_URL = "/_aws/lambda-url/"
PAYLOAD_LIMIT = 6 * 1024 * 1024


class Client:
    """The connection of one request. Either MiniStack answers it or a streaming handler, once."""

    def __init__(self, send, limited):
        self.raw_send = send
        self.streaming = False
        self.bodiless = False
        self.limited = limited
        self.held = None

    async def send(self, message):
        if self.streaming:
            return  # the handler has answered by its stream, so MiniStack's answer is dropped
        if message.get("status") == 204:  # MiniStack sends a body with a 204 (CORS preflight), which breaks keep-alive
            self.bodiless = True
            message["headers"] = [h for h in message["headers"] if h[0].lower() != b"content-length"]
        if self.limited:  # MiniStack sends two messages: status and headers, then the whole body
            if message["type"] == "http.response.start":
                self.held = message
                return
            if len(message.get("body", b"")) > PAYLOAD_LIMIT:
                return await refuse(self.raw_send, 502, "Response payload size exceeded maximum allowed payload size")
            await self.raw_send(self.held)
        await self.raw_send({**message, "body": b""} if self.bodiless and "body" in message else message)

    async def relay(self, headers, receive):
        self.streaming = True
        sent = [(k.encode(), str(v).encode()) for k, v in json.loads(headers[b"x-headers"]).items()]
        await self.raw_send({"type": "http.response.start", "status": int(headers[b"x-status"]), "headers": sent})
        more = True
        while more:
            part = await receive()
            more = part.get("more_body", False)
            await self.raw_send({"type": "http.response.body", "body": part.get("body", b""), "more_body": more})


async def empty(send, status):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body"})


async def refuse(send, status, message):
    body = json.dumps({"Message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def whole(receive):
    """The body of a request, and a `receive` that returns it in one piece."""
    body, more = b"", True
    while more:
        part = await receive()
        if part["type"] != "http.request":
            return body, receive  # the client has disconnected
        body += part.get("body", b"")
        more = part.get("more_body", False)
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again():
        return left.pop() if left else await receive()

    return body, again


async def until_gone(receive, gone):
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()


def too_large(body):
    """Measured as in the event of the function: in JSON, where quotes and backslashes take two bytes, or in base64."""
    try:
        return len(json.dumps(body.decode(), ensure_ascii=False).encode()) > PAYLOAD_LIMIT
    except UnicodeDecodeError:
        return len(body) * 4 / 3 > PAYLOAD_LIMIT


async def app(scope, receive, send):
    if scope["type"] != "http":
        return await ministack(scope, receive, send)
    if scope["path"].startswith(RELAY):
        client = waiting.get(scope["path"][len(RELAY) :])
        if client is None:
            return await empty(send, 410)  # the client has disconnected
        await client.relay(dict(scope["headers"]), receive)
        return await empty(send, 204)
    if scope["path"].startswith(QUOTA):
        concurrency[0] = int(scope["path"][len(QUOTA) :])
        return await empty(send, 204)
    if scope["path"].startswith(REFUSE):
        refusals.append(scope["path"][len(REFUSE) :])
        return await empty(send, 204)
    limited = scope["path"].startswith(FUNCTION_URL)
    if limited:
        body, receive = await whole(receive)
        if too_large(body):
            what = f"Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation"
            return await refuse(send, 413, what)
    watching = None
    if dict(scope["headers"]).get(b"x-amz-target") == b"AmazonSQS.ReceiveMessage":
        (_, again), connection = await whole(receive), receive
        receive, gone = again, asyncio.Event()
        caller_gone.set(gone)
        watching = asyncio.create_task(until_gone(connection, gone))
    key, client = uuid.uuid4().hex, Client(send, limited)
    waiting[key] = client
    # x-forwarded-proto: a bucket that requires TLS would refuse every request to this plain HTTP endpoint.
    extra = [(b"x-emulator-stream", key.encode()), (b"x-forwarded-proto", b"https")]
    try:
        await ministack({**scope, "headers": [*scope["headers"], *extra]}, receive, client.send)
    finally:
        del waiting[key]
        if watching:
            watching.cancel()


# --- start and stop ----------------------------------------------------------------------------------------------


async def end_with_owner() -> None:
    while True:
        try:
            os.kill(OWNER, 0)
        except ProcessLookupError:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        await asyncio.sleep(1)


async def serve() -> None:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=PORT,
        http="httptools",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,  # an open event stream must not delay the end
        access_log=False,
        date_header=False,  # MiniStack sends one, and two of them break the SDK's clock correction
        server_header=False,
    )
    watch = asyncio.create_task(end_with_owner()) if OWNER else None
    await uvicorn.Server(config).serve()
    if watch:
        watch.cancel()


if __name__ == "__main__":
    patch_lambda_logs()
    patch_key_conditions()
    patch_cursors()
    patch_long_polls()
    patch_lambda_globals()
    patch_streaming_integrations()
    patch_scheduler()
    patch_rules()
    patch_schedule_groups()
    patch_concurrency()
    patch_rest_refusals()
    # uvicorn raises its SIGTERM again when it ends, which would end this process before the clean-up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvloop.run(serve())
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
