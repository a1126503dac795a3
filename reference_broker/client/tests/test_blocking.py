"""The blocking client against a real broker in another thread."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reference_broker.base import UriError
from reference_broker.client import (
    AckStatus,
    BlockingClient,
    BlockingQueue,
    ClientError,
    Compression,
    ConnectionLostError,
    PostRefusedError,
    QueueOptions,
    RequestRefusedError,
    TimedOutError,
)
from reference_broker.client.tests.running import (
    FILE,
    MEM,
    PATIENCE_S,
    SMALL,
    ThreadedBroker,
    settings,
)

_names = itertools.count()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedBroker]:
    with ThreadedBroker(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture
def uri() -> str:
    """A queue that no other test uses."""
    return f"bmq://{MEM}/q{next(_names)}"


def connect(broker: ThreadedBroker, **changes: Any) -> BlockingClient:
    return BlockingClient(broker.address, settings(**changes))


def both(client: BlockingClient, uri: str, options: QueueOptions | None = None) -> BlockingQueue:
    return client.open(uri, read=True, write=True, options=options)


def test_a_message_goes_round(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = both(client, uri)
        assert queue.uri == uri
        ack = queue.post(b"hello", properties={"price": 7})
        message = queue.get(PATIENCE_S)
        assert (message.payload, message.guid) == (b"hello", ack.guid)
        assert message.properties["price"].value == 7
        queue.confirm(message)
        queue.close()


def test_many_messages_in_order(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = both(client, uri, QueueOptions(max_unconfirmed_messages=10_000))
        payloads = [str(number).encode() for number in range(3_000)]
        assert len(queue.post_many(payloads)) == 3_000
        found: list[bytes] = []
        while len(found) < 3_000:
            messages = queue.get_many(PATIENCE_S)
            found += [message.payload for message in messages]
            queue.confirm(*messages)
        assert found == payloads


def test_compression(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = both(client, uri)
        queue.post(b"x" * 100_000, compression=Compression.ZLIB)
        message = queue.get(PATIENCE_S)
        assert (message.payload, message.compression) == (b"x" * 100_000, Compression.ZLIB)


def test_more_than_the_sockets_hold_goes_out_while_as_much_comes_in(
    broker: ThreadedBroker, uri: str
):
    with connect(broker) as client:
        queue = both(client, uri, QueueOptions(max_unconfirmed_bytes=1 << 30))
        payload = bytes(1_000_000)
        guids = [guid for _ in range(40) for guid in queue.post_nowait([payload])]
        assert all(ack.is_success for ack in client.wait_acks(guids, PATIENCE_S))
        for _ in range(40):
            message = queue.get(PATIENCE_S)
            assert len(message.payload) == 1_000_000
            queue.confirm(message)


def test_posting_without_waiting(broker: ThreadedBroker):
    with connect(broker) as client:
        queue = client.open(f"bmq://{SMALL}/a", write=True)
        guids = queue.post_nowait([b"1", b"2"])
        assert client.unacknowledged == 2
        acks = client.wait_acks(guids, PATIENCE_S)
        assert [ack.guid for ack in acks] == guids
        assert [ack.status for ack in acks] == [AckStatus.SUCCESS, AckStatus.LIMIT_MESSAGES]
        assert client.wait_acks([], PATIENCE_S) == []


def test_acknowledgements_that_nobody_waits_for_can_be_taken(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = client.open(uri, write=True)
        guids = queue.post_nowait([b"1", b"2"])
        assert client.take_acks() == []
        assert client.pump_until(lambda: not client.unacknowledged, PATIENCE_S)
        assert [ack.guid for ack in client.take_acks()] == guids
        assert client.take_acks() == []


def test_a_refused_post_is_an_error(broker: ThreadedBroker):
    with connect(broker) as client:
        queue = client.open(f"bmq://{SMALL}/b", write=True)
        with pytest.raises(PostRefusedError, match="2 of 3 messages refused"):
            queue.post_many([b"1", b"2", b"3"])


def test_waiting_has_an_end(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = both(client, uri)
        with pytest.raises(TimedOutError, match=rf"no message from {uri} within 0.0 s"):
            queue.get(0.0)
        guids = queue.post_nowait([b"x"])
        with pytest.raises(TimedOutError, match=r"1 of 1 messages not acknowledged in 0.0 s"):
            client.wait_acks(guids, 0.0)
        assert client.wait_acks(guids, PATIENCE_S)[0].is_success


def test_wrong_arguments(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        with pytest.raises(ValueError, match="for reading, for writing"):
            client.open(uri)
        with pytest.raises(UriError, match="Missing queue"):
            client.open(f"bmq://{MEM}", read=True)
        queue = both(client, uri)
        with pytest.raises(ValueError, match="open already"):
            both(client, uri)
        with pytest.raises(ValueError, match="payload"):
            queue.post(b"")
        queue.post(b"still works")


def test_refused_requests(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        with pytest.raises(RequestRefusedError, match="open bmq://nowhere/q: E_UNKNOWN"):
            client.open("bmq://nowhere/q", read=True)
        queue = client.open(uri, write=True)
        with pytest.raises(RequestRefusedError, match="No queue with specified appId"):
            queue.configure(QueueOptions())


def test_configure_stops_and_restarts_deliveries(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = both(client, uri)
        queue.configure(None)
        queue.post(b"x")
        with pytest.raises(TimedOutError):
            queue.get(0.0)
        queue.configure(QueueOptions())
        assert queue.get(PATIENCE_S).payload == b"x"


def test_a_closed_queue_is_of_no_use_for_anything(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = both(client, uri)
        queue.post_many([b"1", b"2"])
        message = queue.get(PATIENCE_S)
        client.pump_until(lambda: bool(queue._inbox), PATIENCE_S)
        queue.close()
        for call in (queue.get, queue.get_many, queue.close, lambda: queue.configure(None),
                     lambda: queue.confirm(message), lambda: queue.post(b"x"),
                     lambda: queue.post_nowait([])):  # fmt: skip
            with pytest.raises(ClientError, match=f"^{uri} is closed$"):
                call()
        again = both(client, uri)
        assert [again.get(PATIENCE_S).payload for _ in range(2)] == [b"1", b"2"]


def test_what_comes_while_a_queue_is_being_closed_is_not_delivered(
    broker: ThreadedBroker, uri: str
):
    with connect(broker) as client:
        queue = both(client, uri)
        guids = queue.post_nowait([b"x"])  # delivered before the close is answered
        queue.close()
        assert client.wait_acks(guids, PATIENCE_S)[0].is_success
        assert not queue._inbox
        assert both(client, uri).get(PATIENCE_S).payload == b"x"


def test_what_a_queue_was_not_opened_for(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        writer = client.open(uri, write=True)
        with pytest.raises(ClientError, match=f"{uri} was not opened for reading"):
            writer.get(PATIENCE_S)
        reader = client.open(f"{uri}-2", read=True)
        with pytest.raises(ClientError, match=f"{uri}-2 was not opened for writing"):
            reader.post(b"x")


def test_a_broker_that_comes_back(tmp_path: Path):
    with ThreadedBroker(tmp_path) as broker, connect(broker) as client:
        queue = both(client, f"bmq://{FILE}/q")
        queue.post(b"before")
        assert queue.get(PATIENCE_S).payload == b"before"
        broker.kill()
        assert client.pump_until(lambda: not client.is_connected, PATIENCE_S)
        guids = queue.post_nowait([b"meanwhile"])
        broker.start()
        assert client.wait_acks(guids, PATIENCE_S)[0].is_success
        queue.post(b"after")
        found = [queue.get(PATIENCE_S) for _ in range(3)]
        assert [message.payload for message in found] == [b"before", b"meanwhile", b"after"]
        queue.confirm(*found)
        assert client.reconnections == 1
        queue.close()  # goes the same way, behind the confirms
        assert broker.messages() == 0


def test_a_client_that_does_not_reconnect(tmp_path: Path):
    with ThreadedBroker(tmp_path) as broker, connect(broker, reconnect=False) as client:
        queue = both(client, f"bmq://{MEM}/q")
        queue.post(b"x")
        assert client.pump_until(lambda: bool(queue._inbox), PATIENCE_S)
        broker.kill()
        assert client.pump_until(lambda: not client.is_connected, PATIENCE_S)
        broker.start()
        for _ in range(2):
            with pytest.raises(ConnectionLostError, match="reconnect is off"):
                queue.get(PATIENCE_S)
        assert not client.is_connected


def test_a_client_that_was_left_says_so(broker: ThreadedBroker, uri: str):
    with connect(broker) as client:
        queue = both(client, uri)
        queue.post_many([b"1", b"2"])
        message = queue.get(PATIENCE_S)
        client.pump_until(lambda: bool(queue._inbox), PATIENCE_S)
    for call in (lambda: queue.get(PATIENCE_S), lambda: queue.confirm(message),
                 lambda: queue.post(b"x"), lambda: queue.configure(None), queue.close,
                 lambda: client.open(f"{uri}-2", read=True)):  # fmt: skip
        with pytest.raises(ConnectionLostError, match="the client is closed"):
            call()


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        client = BlockingClient(address, settings(connect_timeout_s=0.05))
        with pytest.raises(ConnectionLostError) as caught:
            client.__enter__()
        text = "no broker answered within 0.05 s: Connection refused"
        assert str(caught.value) == f"{address}: {text}"


def test_somebody_listens_who_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        client = BlockingClient(address, settings(connect_timeout_s=0.05))
        with pytest.raises(ConnectionLostError, match=r"within 0\.05 s: nothing came back"):
            client.__enter__()


def test_aborting_says_nothing(broker: ThreadedBroker, uri: str):
    client = connect(broker).__enter__()
    both(client, uri).post(b"x")
    client.abort()
    with connect(broker) as other:
        message = both(other, uri).get(PATIENCE_S)
        assert message.payload == b"x"


class _Interrupt(BaseException):
    """As a timeout of gevent, or a signal, raises it in the middle of a call."""


def test_an_open_that_is_interrupted_leaves_nothing_open(broker: ThreadedBroker, uri: str):
    with connect(broker) as client, connect(broker) as other:
        pump = client.pump

        def interrupted(timeout: float = 0.0) -> None:  # noqa: ARG001 - as pump
            client._send()
            raise _Interrupt

        client.pump = interrupted  # type: ignore[method-assign]
        with pytest.raises(_Interrupt):
            client.open(uri, read=True)
        client.pump = pump  # type: ignore[method-assign]
        assert client._queues == {}
        client.open(f"{uri}-after", write=True)  # answered after the close of what was given up
        reader = both(other, uri)
        reader.post_many([b"1", b"2", b"3", b"4"])
        found = [reader.get(PATIENCE_S).payload for _ in range(4)]
        assert found == [b"1", b"2", b"3", b"4"]
        both(client, uri).close()


def test_a_connection_on_which_sending_is_interrupted_is_not_used_again(
    broker: ThreadedBroker, uri: str, monkeypatch: pytest.MonkeyPatch
):
    with connect(broker) as client:
        queue = both(client, uri)

        def interrupted(rest: memoryview) -> None:
            assert client._socket is not None
            client._socket.send(rest[:10])
            raise _Interrupt

        with monkeypatch.context() as patch:
            patch.setattr(client, "_send_all", interrupted)
            with pytest.raises(_Interrupt):
                queue.post_nowait([b"x"])
        assert not client.is_connected
        assert queue.get(PATIENCE_S).payload == b"x"
        assert client.reconnections == 1
