"""The codec alone: how many messages a second it decodes and encodes, in this process.

Beside it the floor: a bare loop that unpacks the same headers, checks the same CRCs and joins the
same bytes, which is what any broker in Python must do for a message, and all that this one does.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from reference_broker.core.deliver import push_chunks
from reference_broker.queue import Message
from reference_broker.wire import (
    PUT_HEADER_SIZE,
    EventReader,
    Put,
    confirm_guids,
    crc32c,
    iter_confirms,
    iter_puts,
    pad,
    put_event,
)
from reference_broker.wire.push import iter_pushes

SIZES: Final = (1, 1024, 65536)
_BATCH: Final = 100
_SECONDS: Final = 0.3


class Rate(NamedTuple):
    """A result.

    Attributes:
        name: what was done.
        size: payload bytes.
        nanoseconds: per message; the fastest of several passes.
    """

    name: str
    size: int
    nanoseconds: float


def measure(function: Callable[[], object], messages: int, seconds: float = _SECONDS) -> float:
    """Return nanoseconds per message of the fastest call of `function`, which handles `messages`."""
    best = float("inf")
    give_up = time.perf_counter() + seconds
    while time.perf_counter() < give_up:
        start = time.perf_counter_ns()
        function()
        best = min(best, (time.perf_counter_ns() - start) / messages)
    return best


def codec_rates() -> list[Rate]:
    """Measure every message codec at every size."""
    rates: list[Rate] = []
    for size in SIZES:
        count = max(_BATCH * 1024 // max(size, 1024), 4)
        rates += _codec_rates(size, count)
    return rates


def _codec_rates(size: int, count: int) -> list[Rate]:
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]
    guids = [index.to_bytes(16, "big") for index in range(1, count + 1)]
    puts = [Put(0, guid, payload, 1) for guid in guids]
    put_bytes = put_event(puts)
    messages: list[Message] = [(g, 0, 0, pad(payload), size, i, 0) for i, g in enumerate(guids)]
    push_bytes = b"".join(push_chunks(messages, 0, 1))
    confirm_bytes = confirm_guids(guids, 0, 0)

    def decode_puts() -> None:
        for event in EventReader(len(put_bytes)).feed(put_bytes):
            view = memoryview(event.buffer)
            for put in iter_puts(event.buffer, event.start, event.end):
                assert crc32c(view[put[7] : put[8]]) == put[4]

    def decode_pushes() -> None:
        for event in EventReader(len(push_bytes)).feed(push_bytes):
            for push in iter_pushes(event.buffer, event.start, event.end):
                event.buffer[push[6] : push[7]]

    def decode_confirms() -> None:
        for event in EventReader(len(confirm_bytes)).feed(confirm_bytes):
            for _ in iter_confirms(event.buffer, event.start, event.end):
                pass

    work: dict[str, Callable[[], object]] = {
        "decode PUT": decode_puts,
        "encode PUT": lambda: put_event(puts),
        "decode PUSH": decode_pushes,
        "encode PUSH": lambda: b"".join(push_chunks(messages, 0, 1)),
    }
    if size == SIZES[0]:
        work["decode CONFIRM"] = decode_confirms
        work["encode CONFIRM"] = lambda: confirm_guids(guids, 0, 0)
    return [Rate(name, size, measure(function, count)) for name, function in work.items()]


def floor(size: int = 1024, count: int = _BATCH) -> Rate:
    """Measure the bare loop for a message that is put, acknowledged, pushed and confirmed."""
    payload = pad(b"x" * size)
    put_header, push_header = struct.Struct(">IIi16sIHH"), struct.Struct(">IIi16sHHII")
    ack, confirm = struct.Struct(">I16si"), struct.Struct(">i16si")
    words = (PUT_HEADER_SIZE + len(payload)) // 4
    guids = [index.to_bytes(16, "big") for index in range(count)]
    event = b"".join(
        put_header.pack(words, 9, 0, guid, crc32c(payload[:size]), 0, 0) + payload for guid in guids
    )
    confirms = b"".join(confirm.pack(0, guid, 0) for guid in guids)

    def loop() -> None:
        acks: list[bytes] = []
        pushes: list[bytes] = []
        view = memoryview(event)
        for position in range(0, len(event), words * 4):
            _, _, queue_id, guid, crc, _, _ = put_header.unpack_from(event, position)
            data = event[position + PUT_HEADER_SIZE : position + words * 4]
            start = position + PUT_HEADER_SIZE
            assert crc32c(view[start : start + size]) == crc
            acks.append(ack.pack(0, guid, queue_id))
            pushes.append(push_header.pack(words, 520, 0, guid, 0, 0, 0x04000002, 1))
            pushes.append(data)
        b"".join(acks)
        b"".join(pushes)
        for _ in confirm.iter_unpack(confirms):
            pass

    return Rate("floor", size, measure(loop, count))
