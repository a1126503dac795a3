"""Pipes without sockets: a stream that is fed and a writer that remembers."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from typing import Any, cast

import pytest

from suites.harness.toxiproxy.channel import Ending
from suites.harness.toxiproxy.link import READ_BYTES_MAX, Connection, Pipe
from suites.harness.toxiproxy.toxics import BUFFER_BYTES, KINDS, Kind, new_stage, parse_toxic

SETTINGS: dict[str, dict[str, int]] = {
    "noop": {},
    "latency": {"latency": 2, "jitter": 2},
    "bandwidth": {"rate": 50_000},
    "slicer": {"average_size": 3_000, "size_variation": 2_900},
    "slow_close": {"delay": 2},
    "limit_data": {"bytes": 10**9},
}


class Sink:
    """Stands in for a stream writer; `gate` holds its flushing back while it is clear."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: OSError | None = None

    def write(self, data: memoryview) -> None:
        self.data += data

    async def drain(self) -> None:
        if self.error is not None:
            raise self.error
        await self.gate.wait()


class Rig:
    """A pipe between a reader that the test feeds and a sink."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.sink = Sink()
        self.endings: list[Ending] = []
        self.bugs = 0
        self.over = asyncio.Event()
        source = Connection(self.reader, cast("Any", None))
        destination = Connection(cast("Any", None), cast("Any", self.sink))
        self.pipe = Pipe(source, destination, on_end=self._end, on_bug=self._bug)
        self.new_stage = functools.partial(new_stage, seed=1, proxy="p", link=0)

    def _end(self, ending: Ending) -> None:
        self.endings.append(ending)
        self.over.set()

    def _bug(self) -> None:
        self.bugs += 1
        self.over.set()


def toxic(kind: str, name: str = "t", **attributes: int) -> Any:
    return parse_toxic({"type": kind, "name": name, "attributes": attributes})


@pytest.mark.parametrize("seed", range(30))
def test_any_change_at_any_moment_keeps_the_bytes(seed):
    async def scenario() -> None:
        rng = random.Random(seed)
        rig = Rig()
        data = rng.randbytes(400_000)
        toxics: list[Any] = []
        rig.pipe.start([])
        fed = 0
        for step in range(60):
            size = rng.choice([0, 1, 100, 20_000])
            rig.reader.feed_data(data[fed : fed + size])
            fed += size
            for _ in range(rng.randrange(6)):
                await asyncio.sleep(0)
            rig.sink.gate.clear() if rng.random() < 0.3 else rig.sink.gate.set()
            if toxics and rng.random() < 0.4:
                toxics.remove(rng.choice(toxics))
            else:
                kind = rng.choice(list(SETTINGS))
                toxics.append(toxic(kind, f"t{step}", **SETTINGS[kind]))
            updated = rng.choice(toxics) if toxics else None
            await rig.pipe.change(list(toxics), rig.new_stage, updated=updated)
        rig.sink.gate.set()
        rig.reader.feed_data(data[fed:])
        rig.reader.feed_eof()
        await asyncio.wait_for(rig.over.wait(), 20)
        await rig.pipe.close()
        assert rig.bugs == 0
        assert rig.endings == [Ending.FINISH]
        assert bytes(rig.sink.data) == data

    asyncio.run(scenario())


def test_a_receiver_that_stalls_holds_the_sender_back():
    async def scenario() -> None:
        rig = Rig()
        rig.sink.gate.clear()
        rig.reader.feed_data(bytes(4_000_000))
        rig.pipe.start([rig.new_stage(toxic("noop", "a")), rig.new_stage(toxic("noop", "b"))])
        for _ in range(2_000):
            await asyncio.sleep(0)
        left = len(rig.reader._buffer)  # type: ignore[attr-defined]
        held = 4_000_000 - left - len(rig.sink.data)
        assert len(rig.sink.data) == READ_BYTES_MAX
        assert 2 * BUFFER_BYTES < held <= 3 * (BUFFER_BYTES + READ_BYTES_MAX)
        await rig.pipe.close()

    asyncio.run(scenario())


def test_a_receiver_that_is_gone_ends_the_pipe():
    async def scenario() -> None:
        rig = Rig()
        rig.sink.error = ConnectionResetError()
        rig.pipe.start([rig.new_stage(toxic("noop"))])
        rig.reader.feed_data(bytes(1_000_000))
        await asyncio.wait_for(rig.over.wait(), 5)
        await rig.pipe.change([], rig.new_stage)  # has nothing to start again
        assert (rig.endings, rig.bugs) == ([Ending.CLOSE], 0)

    asyncio.run(scenario())


def test_a_sender_that_was_reset_ends_the_pipe_after_its_bytes():
    async def scenario() -> None:
        rig = Rig()
        rig.pipe.start([])
        rig.reader.feed_data(b"last")
        for _ in range(10):
            await asyncio.sleep(0)
        rig.reader.set_exception(ConnectionResetError())
        await asyncio.wait_for(rig.over.wait(), 5)
        assert (bytes(rig.sink.data), rig.endings) == (b"last", [Ending.CLOSE])
        await rig.pipe.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("present", [1_000, 0])
def test_an_update_applies_to_what_is_waiting(present):
    async def scenario() -> None:
        rig = Rig()
        wait = toxic("latency", latency=3_600_000)
        rig.pipe.start([rig.new_stage(wait)])
        rig.reader.feed_data(bytes(present))
        rig.reader.feed_eof()
        for _ in range(10):
            await asyncio.sleep(0)
        wait.update({"attributes": {"latency": 1}})
        await rig.pipe.change([wait], rig.new_stage, updated=wait)
        await asyncio.wait_for(rig.over.wait(), 5)
        assert len(rig.sink.data) == present
        await rig.pipe.close()

    asyncio.run(scenario())


def test_an_update_starts_the_countdown_anew():
    async def scenario() -> None:
        rig = Rig()
        close = toxic("timeout", timeout=3_600_000)
        stage = rig.new_stage(close)
        rig.pipe.start([stage])
        loop = asyncio.get_running_loop()
        stage.mark = loop.time() - 100  # as if it had been running for long
        close.update({"attributes": {"timeout": 150}})
        begin = loop.time()
        await rig.pipe.change([close], rig.new_stage, updated=close)
        await asyncio.wait_for(rig.over.wait(), 5)
        assert loop.time() - begin >= 0.14
        await rig.pipe.close()

    asyncio.run(scenario())


def test_timers_of_other_toxics_go_on_during_a_change():
    async def scenario() -> None:
        rig = Rig()
        close = toxic("timeout", "close", timeout=200)
        rig.pipe.start([rig.new_stage(close)])
        loop = asyncio.get_running_loop()
        begin = loop.time()
        toxics = [close]
        while not rig.over.is_set():
            toxics = [close] if len(toxics) > 1 else [close, toxic("noop", "other")]
            await rig.pipe.change(toxics, rig.new_stage)
            await asyncio.sleep(0)
            assert loop.time() - begin < 5, "the countdown starts anew with every change"
        assert loop.time() - begin >= 0.19
        assert rig.endings == [Ending.CLOSE]
        await rig.pipe.close()

    asyncio.run(scenario())


def test_a_bug_in_a_stage_drops_the_link_and_is_logged(monkeypatch, caplog):
    async def fail(_stage: object) -> None:
        raise AssertionError("planted")

    async def scenario() -> None:
        rig = Rig()
        monkeypatch.setitem(KINDS, "noop", Kind((), fail))
        rig.pipe.start([rig.new_stage(toxic("noop"))])
        await asyncio.wait_for(rig.over.wait(), 5)
        assert rig.bugs == 1
        await rig.pipe.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert "planted" in caplog.text
