"""The broker in a thread of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from reference_broker.app import ReferenceBroker
from reference_broker.app.broker_thread import BrokerThread
from reference_broker.base import OperatorError
from reference_broker.client import BlockingClient
from reference_broker.runtime import StorageError

URI = "bmq://bmq.test.persistent.priority/q"


def broker_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "broker"]


def test_whoever_blocks_can_use_it():
    with ReferenceBroker() as broker, BlockingClient(broker.address) as client:
        queue = client.open("bmq://bmq.test.mem.priority/q", read=True, write=True)
        queue.post_many([b"1", b"22"])
        assert [message.payload for message in queue.get_many(timeout=5)] == [b"1", b"22"]
        assert broker.statistics()[:4] == (1, 1, 2, 3)
        assert broker.execute("HELP").rc == 0
    assert not broker_threads()


@pytest.mark.parametrize("is_graceful", [True, False])
def test_a_given_folder_keeps_the_log(tmp_path: Path, *, is_graceful: bool):
    def post() -> None:
        with ReferenceBroker(storage=tmp_path) as broker, BlockingClient(broker.address) as client:
            client.open(URI, write=True).post(b"x")
            if not is_graceful:
                raise KeyError

    if is_graceful:
        post()
    else:
        with pytest.raises(KeyError):
            post()
    with ReferenceBroker(storage=tmp_path) as again, BlockingClient(again.address) as client:
        assert client.open(URI, read=True).get(timeout=5).payload == b"x"


def test_what_prevents_the_start_is_raised(tmp_path: Path):
    with ReferenceBroker(storage=tmp_path):
        with pytest.raises(StorageError, match="in use by another broker"):
            ReferenceBroker(storage=tmp_path).__enter__()
        assert broker_threads() == ["broker"]


def test_two_are_strangers():
    with ReferenceBroker() as first, ReferenceBroker() as second:
        assert first.port != second.port


def test_a_broker_that_has_ended_is_asked_nothing():
    with ReferenceBroker() as broker:
        pass
    for ask in (broker.statistics, lambda: broker.execute("HELP")):
        with pytest.raises(OperatorError, match="the broker has ended; start another one"):
            ask()


class Failing:
    """Ends by itself."""

    def __init__(self) -> None:
        self.is_aborted = False

    async def start(self) -> None:
        pass

    async def wait_stopped(self) -> None:
        pass

    async def stop(self) -> None:
        raise StorageError("the disk is full")

    async def abort(self) -> None:
        self.is_aborted = True


def test_what_ended_it_is_raised_at_the_end():
    thread = BrokerThread(Failing())
    thread.start()
    for _ in range(2):
        with pytest.raises(StorageError, match="the disk is full"):
            thread.end(is_graceful=True)
