"""Frames of the pipe to the worker core: four bytes of length, big-endian, then a JSON object in UTF-8."""

import json
from typing import Any, BinaryIO

HEAD = 4
MAX_FRAME = 32 * 1024 * 1024

Message = dict[str, Any]

# `json.dumps` would make an encoder for each message; `json.loads` looks for encodings and for white space around the value.
_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode
_of_json = json.JSONDecoder().raw_decode


class FrameTooLarge(ValueError):
    """A message does not fit into a frame."""


def encode(message: Message) -> bytes:
    """Raises `FrameTooLarge`, and `ValueError` for what JSON cannot hold, such as NaN."""
    data = _utf8(_to_json(message))
    if len(data) > MAX_FRAME:
        raise FrameTooLarge(
            f"a message of {len(data)} bytes was to be sent to the worker core, the limit is {MAX_FRAME}"
        )
    return len(data).to_bytes(HEAD) + data


def _utf8(text: str) -> bytes:
    """U+FFFD stands for half of a surrogate pair, as in the SDK for TypeScript (VALUES-1): the server refuses it (JSON-4)."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def read(stream: BinaryIO) -> Message | None:
    """The next message; None at the end of the stream, also inside a frame: its writer is dead. The stream is a buffered one,
    whose `read` answers less than it was asked for at the end alone."""
    head = stream.read(HEAD)
    if len(head) < HEAD:
        return None
    size = int.from_bytes(head)
    data = stream.read(size)
    if len(data) < size:
        return None
    message, _ = _of_json(str(data, "utf-8"))
    assert isinstance(message, dict)
    return message
