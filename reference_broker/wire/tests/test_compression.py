"""zlib: the recorded streams, the limit, and everything that is not one whole stream."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError, limits
from reference_broker.wire.compression import Compression, compress, decompress
from reference_broker.wire.properties import area_size
from reference_broker.wire.tests import recorded

STREAM = compress(b"A" * 1000)


def zlib_streams(
    message_of: Callable[[str], recorded.Message], pattern: str
) -> list[pytest.ParameterSet]:
    """Return every zlib stream in the recorded messages, by the name of its vector."""
    streams = []
    for name in recorded.names(pattern):
        message = message_of(name)
        if message.compression == Compression.ZLIB:
            start = area_size(message.data) if message.schema else 0
            streams.append(pytest.param(message.data[start:], id=name))
    assert len(streams) >= 3, pattern
    return streams


@pytest.mark.parametrize("stream", zlib_streams(recorded.put, "c2b_put_*"))
def test_the_streams_of_the_sdk(stream):
    data = decompress(stream)
    assert decompress(compress(data)) == data
    # A fork of zlib finds other matches; the original writes the bytes that the SDK wrote.
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:
        assert compress(data) == stream


@pytest.mark.parametrize("stream", zlib_streams(recorded.push, "b2c_push_*"))
def test_streams_made_with_other_parameters(stream):
    assert decompress(stream) == zlib.decompress(stream)


@given(st.binary(max_size=2000), st.integers(1, 40))
def test_decompress_undoes_compress(data, times):
    assert decompress(compress(data * times)) == data * times


@given(st.integers(1, 9), st.integers(9, 15), st.integers(1, 9), st.integers(0, 4))
def test_any_valid_stream_is_accepted(level, window_bits, memory_level, strategy):
    data = bytes(range(256)) * 20
    stream = zlib.compressobj(level, zlib.DEFLATED, window_bits, memory_level, strategy)
    assert decompress(stream.compress(data) + stream.flush()) == data


@given(st.binary() | st.binary().map(b"\x78\x9c".__add__))
def test_arbitrary_bytes_raise_only_wire_errors(data):
    try:
        decompress(data, 1000)
    except WireError:
        return
    assert zlib.decompress(data) == decompress(data, 1000)


@pytest.mark.parametrize("limit", [999, 1000, 1001, 0])
def test_the_limit(limit):
    if limit >= 1000:
        assert len(decompress(STREAM, limit)) == 1000
    else:
        with pytest.raises(WireError, match=f"at most {limit} bytes"):
            decompress(STREAM, limit)


def test_the_limit_may_be_nothing():
    assert decompress(compress(b""), 0) == b""


@pytest.mark.parametrize("size", range(len(STREAM)))
def test_a_truncated_stream(size):
    with pytest.raises(WireError, match="does not end") as caught:
        decompress(STREAM[:size])
    assert caught.value.offset == size


@pytest.mark.parametrize("size", [1, 4])
def test_a_stream_with_something_behind_it(size):
    with pytest.raises(WireError, match="nothing may follow") as caught:
        decompress(STREAM + b"\4" * size)
    assert (caught.value.value, caught.value.offset) == (f"{size} bytes", len(STREAM))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"garbage, not zlib", id="garbage"),
        pytest.param(b"\x79" + STREAM[1:], id="header"),
        pytest.param(STREAM[:-1] + bytes([STREAM[-1] ^ 1]), id="checksum"),
        pytest.param(STREAM[:2] + b"\xff" * 10, id="block type"),
        pytest.param(b"\x78\xbb\0\0\0\1" + STREAM[2:], id="preset dictionary"),
        pytest.param(zlib.compress(b"x")[2:-4], id="raw deflate"),
    ],
)
def test_what_zlib_refuses(data):
    with pytest.raises(WireError, match="cannot inflate"):
        decompress(data)


def test_a_bomb_allocates_little_more_than_the_limit():
    limit = 1024 * 1024
    bomb = compress(bytes(64 * limit))
    assert len(bomb) < limit // 10
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="at most 1048576 bytes"):
            decompress(bomb, limit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * limit


def test_the_default_limit_is_that_of_a_message():
    assert decompress.__defaults__ == (limits.DECOMPRESSED_BYTES_MAX,)
