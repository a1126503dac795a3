from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reference_broker.app import ReferenceBroker
from reference_broker.client import Ack, AckStatus, AsyncQueue, Client
from suites.chaos import workload
from suites.chaos.recorder import Recorder
from suites.chaos.workload import (
    SETTINGS,
    Consumer,
    LoadOptions,
    Producer,
    _outcome,
    digest,
    make_payload,
    read_name,
    sweep,
)
from suites.harness.history import Event, EventType, Function, HistoryWriter, read_history

URI = "bmq://bmq.test.mem.priority/chaos"
LOAD = LoadOptions(pause_s_max=0.002)


def events(path: Path) -> list[Event]:
    return list(read_history(path))


@pytest.mark.parametrize("body", [b"", b":", b"p9:9:", bytes(range(256))])
def test_a_payload_carries_its_name(body):
    assert read_name(make_payload("p0:17", body)) == "p0:17"


@pytest.mark.parametrize("payload", [b"", b"p0:17", b"P0:17:x", b"\xff", b"p0:x:", b" p0:1:"])
def test_a_payload_without_a_name(payload):
    assert read_name(payload) == ""


def test_payloads_are_told_apart():
    assert digest(b"a") == digest(b"a") != digest(b"b")


class Silent:
    """A queue that takes what is posted and never answers."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []

    def post_nowait(self, payloads: Iterable[bytes], **_: object) -> asyncio.Future[list[Ack]]:
        self.posted += payloads
        return asyncio.get_running_loop().create_future()


def draw(tmp_path: Path, name: str, seed: str) -> list[bytes]:
    queue: Any = Silent()

    async def post() -> None:
        with HistoryWriter(tmp_path / "run.jsonl") as history:
            producer = Producer(name, URI, LoadOptions(), Recorder(history), seed)
            producer._queue = queue
            for _ in range(20):
                producer.post_batch()

    asyncio.run(post())
    posted: list[bytes] = queue.posted
    return posted


def test_the_seed_decides_what_is_posted(tmp_path):
    first = draw(tmp_path, "p0", "1")
    assert len(first) > 20
    assert [read_name(payload) for payload in first] == [f"p0:{n}" for n in range(len(first))]
    assert draw(tmp_path, "p0", "1") == first
    bodies = [[payload.partition(b":")[2] for payload in first]]
    for name, seed in [("p0", "2"), ("p1", "1")]:
        bodies.append([payload.partition(b":")[2] for payload in draw(tmp_path, name, seed)])
    assert bodies[0] != bodies[1] != bodies[2] != bodies[0]


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([AckStatus.SUCCESS, AckStatus.SUCCESS], EventType.OK),
        ([AckStatus.LIMIT_MESSAGES, AckStatus.LIMIT_BYTES], EventType.FAIL),
        ([AckStatus.SUCCESS, AckStatus.LIMIT_BYTES], EventType.INFO),
        ([AckStatus.LIMIT_BYTES, AckStatus.UNKNOWN], EventType.INFO),
    ],
)
def test_what_the_answers_to_a_batch_say_of_its_messages(statuses, outcome):
    queue: Any = None
    assert _outcome([Ack(b"", status, queue) for status in statuses]) is outcome


async def run_for_a_while(path: Path, messages: int) -> Recorder:
    """One producer and two consumers; at the end everything is closed and swept."""
    with HistoryWriter(path) as history:
        recorder = Recorder(history)
        counts = recorder.checker.counts
        async with ReferenceBroker() as broker:
            producer = Producer("p0", URI, LOAD, recorder, "1")
            consumers = [Consumer(name, URI, LOAD, recorder, "1") for name in ("c0", "c1")]
            for consumer in consumers:
                await consumer.start(broker.address)
            await producer.start(broker.address)
            assert await recorder.wait_until(
                lambda: counts.delivered >= messages, stall_s=10, limit_s=20
            )
            await producer.stop()
            assert await recorder.wait_until(
                lambda: recorder.checker.unanswered + recorder.checker.outstanding == 0,
                stall_s=10,
                limit_s=20,
            )
            for participant in (producer, *consumers):
                await participant.leave()
                assert participant.problem == ""
            assert await sweep(broker.address, URI, recorder) == ""
        return recorder


def test_a_calm_run_is_valid(tmp_path):
    path = tmp_path / "run.jsonl"
    recorder = asyncio.run(run_for_a_while(path, messages=300))
    result = recorder.checker.result()
    assert (result.verdict, result.reason) == ("valid", "")
    counts = result.counts
    assert counts.posted == counts.acknowledged == counts.delivered == counts.confirmed > 300
    assert counts.redelivered == 0
    history = events(path)
    ends = [(e.process, e.type) for e in history if e.function is Function.CLOSE]
    assert ends == [
        (process, event_type)
        for process in ("c0", "c1", "sweep")
        for event_type in (EventType.INVOKE, EventType.OK)
    ]
    takers = {e.process for e in history if e.function is Function.PUSH}
    assert takers == {"c0", "c1", "sweep"}


class Hoarder(Consumer):
    """Confirms nothing as long as it keeps."""

    keeps = True

    def _confirm_held(self, *, keep: int = 0) -> None:
        if not self.keeps:
            super()._confirm_held(keep=keep)


async def reconnect(path: Path) -> Recorder:
    """A consumer takes messages, the broker drops it, and it takes them again."""
    with HistoryWriter(path) as history:
        recorder = Recorder(history)
        counts = recorder.checker.counts
        async with ReferenceBroker() as broker, Client(broker.address) as poster:
            queue: AsyncQueue = await poster.open(URI, write=True)
            consumer = Hoarder("c0", URI, LoadOptions(), recorder, "1")
            await consumer.start(broker.address)
            for number in range(3):
                payload = make_payload(f"p0:{number}", b"x")
                fields: Any = {"queue": URI, "value": f"p0:{number}"}
                recorder.note(
                    Function.PUT, EventType.INVOKE, "p0", digest=digest(payload), **fields
                )
                await queue.post(payload)
                recorder.note(Function.ACK, EventType.OK, "p0", **fields)
            assert await recorder.wait_until(lambda: counts.deliveries == 3, stall_s=10, limit_s=10)
            assert consumer.client._transport is not None
            consumer.client._transport.abort()
            assert await recorder.wait_until(lambda: counts.deliveries == 6, stall_s=10, limit_s=10)
            consumer.keeps = False
            await consumer.leave()
            assert await sweep(broker.address, URI, recorder) == ""
        return recorder


def test_a_reconnection_begins_a_new_stream(tmp_path):
    path = tmp_path / "run.jsonl"
    result = asyncio.run(reconnect(path)).checker.result()
    assert (result.verdict, result.reason) == ("valid", "")
    assert (result.counts.delivered, result.counts.redelivered) == (4, 3)
    story = [
        f"{e.function} {e.type}"
        for e in events(path)
        if e.process == "c0" and e.function is not Function.CONFIRM
    ]
    assert story == [
        "open ok",
        *["push ok"] * 3,
        "close info",
        "open ok",
        *["push ok"] * 3,
        "close invoke",
        "close ok",
    ]


def test_a_broker_that_is_gone_cannot_be_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(workload, "SETTINGS", replace(SETTINGS, connect_timeout_s=0.2))

    async def run() -> str:
        async with ReferenceBroker() as broker:
            address = broker.address
        with HistoryWriter(tmp_path / "run.jsonl") as history:
            return await sweep(address, URI, Recorder(history))

    problem = asyncio.run(run())
    assert problem.startswith("a new consumer cannot read the queue: tcp://127.0.0.1:")
