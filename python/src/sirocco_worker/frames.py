"""Frames of the pipe to the worker core: four bytes of length, big-endian, then a JSON object in UTF-8."""

import json
import struct
from typing import Any, BinaryIO

MAX_FRAME = 32 * 1024 * 1024

Message = dict[str, Any]

# `json.dumps` with these settings would make an encoder for each message.
_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode


class FrameTooLarge(ValueError):
    """A message does not fit into a frame."""


def encode(message: Message) -> bytes:
    """Raises `FrameTooLarge`, and `ValueError` for what JSON cannot hold, such as NaN."""
    data = _utf8(_to_json(message))
    if len(data) > MAX_FRAME:
        raise FrameTooLarge(
            f"a message of {len(data)} bytes was to be sent to the worker core, the limit is {MAX_FRAME}"
        )
    return struct.pack(">I", len(data)) + data


def _utf8(text: str) -> bytes:
    """U+FFFD stands for half of a surrogate pair, as in the SDK for TypeScript (VALUES-1): the server refuses it (JSON-4)."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def read(stream: BinaryIO) -> Message | None:
    """The next message; None at the end of the stream, also inside a frame: its writer is dead."""
    head = _exactly(stream, 4)
    if head is None:
        return None
    data = _exactly(stream, struct.unpack(">I", head)[0])
    if data is None:
        return None
    message = json.loads(data)
    assert isinstance(message, dict)
    return message


def _exactly(stream: BinaryIO, count: int) -> bytes | None:
    parts = []
    while count > 0:
        part = stream.read(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
