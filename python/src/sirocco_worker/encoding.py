"""The encoding of payloads: the SDK's settings, given to the worker core.

The SDK encodes payloads on their way to its native core. Here the worker core encodes them, in the same formats, on their way to
the server, because it reads some of them itself: the SDK's bookkeeping, and what it validates. So the SDK's codec is given no
settings. It still encrypts the task events of activities itself, and masks payloads in its traces.

Without settings a codec only moves a value's context between its data and its metadata: `values.py` reads and writes the form
that has it in the data, so what is left of the codec is to take the value out of that form.
"""

from collections.abc import Iterable
from typing import Any

from temporalio.api.common.v1 import Payload

from sirocco_worker import values
from sirocco_worker.frames import Message
from sirocco_worker.refusal import refuse

_plain_codec: type | None = None


def prepare() -> None:
    """Before the SDK makes its codec."""
    global _plain_codec
    from mistralai.workflows.core import worker
    from mistralai.workflows.core.temporal.payload_codec import MistralWorkflowsPayloadCodec

    class Codec(MistralWorkflowsPayloadCodec):
        def __init__(self, **_settings: Any) -> None:
            super().__init__(payload_offloading_config=None, payload_encryption_config=None)

        async def encode(self, payloads: Iterable[Payload]) -> list[Payload]:
            return [values.without_context(payload) for payload in payloads]

        async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
            return [one if values.is_whole(one) else await self._decode(one) for one in payloads]

    _plain_codec = Codec
    worker.MistralWorkflowsPayloadCodec = Codec  # type: ignore[attr-defined,assignment]


def has_plain_payloads(codec: Any) -> bool:
    """Its payloads are those that `values.py` makes and reads."""
    return _plain_codec is not None and type(codec) is _plain_codec


def options() -> dict[str, Message]:
    """The field `encoding` of the core's `hello`, where anything is set. Exits on what is unsupported."""
    from mistralai.workflows.core.config.config import config

    settings = config.worker
    encoding: Message = {}
    if (encryption := settings.temporal_payload_encryption) is not None:
        if encryption.main_key is None:
            refuse("payloads are to be encrypted without a key: set TEMPORAL_PAYLOAD_ENCRYPTION__MAIN_KEY")
        previous = encryption.secondary_key
        encoding["encryption"] = {
            "mode": encryption.mode.value,
            "key": encryption.main_key.get_secret_value(),
            "previous_keys": [previous.get_secret_value()] if previous is not None else [],
        }
    if (compression := settings.temporal_payload_compression) is not None:
        level = compression.algorithm_config.level
        encoding["compression"] = {"min_bytes": compression.min_size_bytes, "level": level}
    if (offloading := settings.temporal_payload_offloading) is not None:
        encoding["offload"] = {"min_bytes": offloading.min_size_bytes, **_store(offloading.storage_config)}
    return {"encoding": encoding} if encoding else {}


def _store(storage: Any) -> Message:
    provider = storage.storage_provider.value if storage is not None else "none"
    if provider != "s3":
        refuse(
            f"payloads are offloaded to S3 alone, and TEMPORAL_PAYLOAD_OFFLOADING names '{provider}': name a bucket of S3"
        )
    if not storage.bucket_name:
        refuse(
            "payloads are to be offloaded without a bucket: set TEMPORAL_PAYLOAD_OFFLOADING__STORAGE_CONFIG__BUCKET_NAME"
        )
    key, secret = storage.aws_access_key_id, storage.aws_secret_access_key
    credentials = None
    if key is not None and secret is not None:
        credentials = {"access_key_id": key.get_secret_value(), "secret_access_key": secret.get_secret_value()}
    return {
        "bucket": storage.bucket_name,
        "prefix": storage.prefix,
        "region": storage.region_name,
        "endpoint": storage.endpoint_url,
        "credentials": credentials,
    }
