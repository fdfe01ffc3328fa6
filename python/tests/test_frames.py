"""Frames of the pipe."""

import io
import json
import os
import struct
import threading

import pytest

from sirocco_worker import frames


def test_what_is_encoded_is_read_again_and_the_end_is_none() -> None:
    messages = [{"type": "pong", "n": 1}, {"text": "日本 😀"}]
    stream = io.BytesIO(b"".join(frames.encode(message) for message in messages))
    assert [frames.read(stream), frames.read(stream), frames.read(stream)] == [*messages, None]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d and 日本", "\ufffd\ufffd and 日本"),
        ("\ud83d\ude00", "😀"),
        ("\\ud83d", "\\ud83d"),
    ],
)
def test_half_of_a_surrogate_pair_is_replaced_in_texts_and_in_keys(given: str, expected: str) -> None:
    assert frames.read(io.BytesIO(frames.encode({given: [given]}))) == {expected: [expected]}


def test_a_stream_that_ends_inside_a_frame_has_ended() -> None:
    assert frames.read(io.BytesIO(frames.encode({"type": "pong"})[:-1])) is None


def test_a_frame_that_comes_in_parts_over_a_pipe_is_read_whole() -> None:
    reading, writing = os.pipe()
    sent = {"text": "日本" * 100_000}

    def write() -> None:
        data = frames.encode(sent) + frames.encode({"n": 2})
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for at in range(0, len(data), 4_099):
                pipe.write(data[at : at + 4_099])

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        assert [frames.read(pipe), frames.read(pipe), frames.read(pipe)] == [sent, {"n": 2}, None]
    writer.join()


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        frames.encode({"result": float("nan")})


def test_a_message_over_the_limit_is_refused_with_its_size() -> None:
    with pytest.raises(frames.FrameTooLarge, match="limit is 33554432"):
        frames.encode({"result": "x" * frames.MAX_FRAME})


def test_the_length_is_four_bytes_big_endian() -> None:
    data = json.dumps({"a": 1}, separators=(",", ":")).encode()
    assert frames.encode({"a": 1}) == struct.pack(">I", len(data)) + data
