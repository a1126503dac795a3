from __future__ import annotations

import asyncio

import pytest

from suites.harness.toxiproxy.channel import CHUNKS_MAX, Channel, Chunk, Ending


def chunk(data: bytes) -> Chunk:
    return Chunk(memoryview(data), 1.0)


def content(channel: Channel) -> bytes:
    data = b""
    while channel.size:
        data += channel.take(1_000_000).data
    return data


def test_chunks_come_out_in_order_and_in_pieces():
    channel = Channel(100)
    channel.append(chunk(b"abcdef"))
    channel.append(chunk(b"gh"))
    assert (channel.take(4), channel.size) == (chunk(b"abcd"), 4)
    assert (channel.take(4), channel.size) == (chunk(b"ef"), 2)
    assert (channel.take(4), channel.size) == (chunk(b"gh"), 0)


def test_data_is_waited_for_and_the_ending_comes_last():
    async def scenario() -> None:
        channel = Channel(100)
        waiting = asyncio.create_task(channel.wait_for_data())
        await asyncio.sleep(0)
        assert not waiting.done()
        channel.append(chunk(b"a"))
        channel.end(Ending.FINISH)
        channel.end(Ending.RESET)
        assert await waiting == chunk(b"a")
        assert await channel.wait_for_data() == chunk(b"a"), "looking does not take"
        channel.take(1)
        assert await channel.wait_for_data() is None
        assert channel.ending is Ending.FINISH, "the first ending stays"

    asyncio.run(scenario())


@pytest.mark.parametrize("fill", [[b"x" * 100], [b""] * CHUNKS_MAX], ids=["bytes", "chunks"])
def test_space_is_waited_for(fill):
    async def scenario() -> None:
        channel = Channel(100)
        for data in fill:
            channel.append(chunk(data))
        waiting = asyncio.create_task(channel.wait_for_space())
        await asyncio.sleep(0)
        assert not waiting.done()
        channel.take(1)
        await waiting

    asyncio.run(scenario())


def test_a_cancelled_wait_loses_nothing():
    async def scenario() -> None:
        channel = Channel(100)
        waiting = asyncio.create_task(channel.wait_for_data())
        await asyncio.sleep(0)
        channel.append(chunk(b"a"))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await channel.wait_for_data() == chunk(b"a")

    asyncio.run(scenario())


def test_a_channel_spills_behind_what_the_other_holds():
    first, second = Channel(2), Channel(2)
    first.append(chunk(b"cd"))
    first.end(Ending.FINISH)
    second.append(chunk(b"ab"))
    first.spill_into(second)
    assert (first.size, second.size, second.ending) == (0, 4, Ending.FINISH)
    assert content(second) == b"abcd"


def test_nothing_spills_behind_an_ending():
    first, second = Channel(2), Channel(2)
    first.append(chunk(b"cd"))
    second.end(Ending.CLOSE)
    first.spill_into(second)
    assert (first.size, second.size, second.ending) == (0, 0, Ending.CLOSE)
