"""The asyncio client against a real broker on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reference_broker.base import UriError
from reference_broker.client import (
    AckStatus,
    AsyncQueue,
    Client,
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
    broker,
    settings,
    turn,
    until,
)
from reference_broker.core.tests.pair import control_event
from reference_broker.session import ClientEvent, RequestDone
from reference_broker.wire.control import (
    BrokerResponse,
    ControlMessage,
    DisconnectResponse,
    Encoding,
    NegotiationMessage,
    Status,
    StatusCategory,
)

URI = f"bmq://{MEM}/q"
OK = Status(StatusCategory.E_SUCCESS, 0, "")


def run(scenario: Callable[[Client], Awaitable[None]], **changes: Any) -> None:
    """Run a scenario with a connected client."""

    async def main() -> None:
        async with (
            asyncio.timeout(PATIENCE_S),
            broker() as running,
            Client(running.address, settings(**changes)) as client,
        ):
            await scenario(client)

    asyncio.run(main())


async def both(client: Client, uri: str = URI, options: QueueOptions | None = None) -> AsyncQueue:
    return await client.open(uri, read=True, write=True, options=options)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_message_goes_round(encoding: Encoding):
    async def scenario(client: Client) -> None:
        queue = await both(client)
        assert queue.uri == URI
        ack = await queue.post(b"hello", properties={"price": 7, "name": "x"})
        message = await queue.get()
        assert (message.payload, message.guid) == (b"hello", ack.guid)
        assert {n: p.value for n, p in message.properties.items()} == {"price": 7, "name": "x"}
        assert not message.is_redelivered
        queue.confirm(message)
        await queue.close()

    run(scenario, encoding=encoding)


def test_many_messages_in_order():
    async def scenario(client: Client) -> None:
        queue = await both(client, options=QueueOptions(max_unconfirmed_messages=10_000))
        payloads = [str(number).encode() for number in range(3_000)]
        acks = await queue.post_many(payloads)
        assert len({ack.guid for ack in acks}) == 3_000
        found: list[bytes] = []
        while len(found) < 3_000:
            messages = await queue.get_many(PATIENCE_S)
            found += [message.payload for message in messages]
            queue.confirm(*messages)
        assert found == payloads

    run(scenario)


def test_compression():
    async def scenario(client: Client) -> None:
        queue = await both(client)
        await queue.post(b"x" * 100_000, compression=Compression.ZLIB)
        message = await queue.get()
        assert message.payload == b"x" * 100_000
        assert message.compression == Compression.ZLIB

    run(scenario)


def test_iteration():
    async def scenario(client: Client) -> None:
        queue = await both(client)
        await queue.post_many([b"1", b"2", b"3"])
        found = []
        async for message in queue:
            found.append(message.payload)
            if message.payload == b"3":
                break
        assert found == [b"1", b"2", b"3"]

    run(scenario)


def test_posting_without_waiting_tells_good_and_bad():
    async def scenario(client: Client) -> None:
        queue = await client.open(f"bmq://{SMALL}/q", write=True)
        future = queue.post_nowait([b"1", b"2"])
        assert client.unacknowledged == 2
        acks = await future
        assert [ack.status for ack in acks] == [AckStatus.SUCCESS, AckStatus.LIMIT_MESSAGES]
        assert client.unacknowledged == 0
        assert await queue.post_nowait([]) == []

    run(scenario)


def test_a_refused_post_is_an_error():
    async def scenario(client: Client) -> None:
        queue = await client.open(f"bmq://{SMALL}/q", write=True)
        with pytest.raises(PostRefusedError, match=r"2 of 3 messages refused") as caught:
            await queue.post_many([b"1", b"2", b"3"])
        assert [ack.status for ack in caught.value.refused] == [AckStatus.LIMIT_MESSAGES] * 2
        with pytest.raises(PostRefusedError, match=r"1 of 1"):
            await queue.post(b"4")

    run(scenario)


def test_wrong_arguments():
    async def scenario(client: Client) -> None:
        with pytest.raises(ValueError, match="for reading, for writing"):
            await client.open(URI)
        with pytest.raises(UriError, match="Missing queue"):
            await client.open(f"bmq://{MEM}", read=True)
        queue = await both(client)
        with pytest.raises(ValueError, match="open already"):
            await both(client)
        with pytest.raises(ValueError, match="payload"):
            await queue.post(b"")
        await queue.post(b"still works")

    run(scenario)


def test_a_refused_open():
    async def scenario(client: Client) -> None:
        with pytest.raises(RequestRefusedError, match=r"open bmq://nowhere/q: E_UNKNOWN") as caught:
            await client.open("bmq://nowhere/q", read=True)
        assert caught.value.status.category is StatusCategory.E_UNKNOWN
        await both(client)

    run(scenario)


def test_a_refused_configure():
    async def scenario(client: Client) -> None:
        queue = await client.open(URI, write=True)
        with pytest.raises(RequestRefusedError, match="No queue with specified appId"):
            await queue.configure(QueueOptions())

    run(scenario)


def test_configure_stops_and_restarts_deliveries():
    async def scenario(client: Client) -> None:
        queue = await both(client)
        await queue.configure(None)
        await queue.post(b"x")
        with pytest.raises(TimedOutError, match=rf"no message from {URI} within 0.0 s"):
            await queue.get(0.0)
        await queue.configure(QueueOptions(max_unconfirmed_messages=3))
        assert queue.options.max_unconfirmed_messages == 3
        assert (await queue.get(PATIENCE_S)).payload == b"x"

    run(scenario)


def test_a_closed_queue_gives_nothing_more():
    async def scenario(client: Client) -> None:
        queue = await both(client)
        waiting = asyncio.ensure_future(queue.get())
        await queue.close()
        with pytest.raises(ClientError, match=f"{URI} is closed"):
            await waiting
        with pytest.raises(ClientError, match="is closed"):
            await queue.get()
        again = await both(client)
        await again.post(b"x")
        assert (await again.get()).payload == b"x"

    run(scenario)


def test_a_closed_queue_is_of_no_use_for_anything():
    async def scenario(client: Client) -> None:
        queue = await both(client)
        await queue.post_many([b"1", b"2"])
        message = await queue.get()
        await until(lambda: queue._inbox)
        await queue.close()
        for use in (queue.get(), queue.get_many(), queue.configure(None), queue.close(),
                    queue.post(b"x")):  # fmt: skip
            with pytest.raises(ClientError, match=f"^{URI} is closed$"):
                await use
        for call in (lambda: queue.confirm(message), lambda: queue.post_nowait([])):
            with pytest.raises(ClientError, match=f"^{URI} is closed$"):
                call()
        again = await both(client)
        assert [(await again.get()).payload for _ in range(2)] == [b"1", b"2"]

    run(scenario)


def test_what_comes_while_a_queue_is_being_closed_is_not_delivered():
    async def scenario(client: Client) -> None:
        queue = await both(client)
        posted = queue.post_nowait([b"x"])  # delivered before the close is answered
        closing = asyncio.ensure_future(queue.close())
        await turn()
        with pytest.raises(ClientError, match="is closed"):
            await queue.get()
        await closing
        assert (await posted)[0].is_success
        assert not queue._inbox

    run(scenario)


def test_what_a_queue_was_not_opened_for():
    async def scenario(client: Client) -> None:
        writer = await client.open(URI, write=True)
        with pytest.raises(ClientError, match=f"{URI} was not opened for reading"):
            await writer.get()
        reader = await client.open(f"{URI}-2", read=True)
        with pytest.raises(ClientError, match=f"{URI}-2 was not opened for writing"):
            await reader.post(b"x")

    run(scenario)


def test_unconfirmed_messages_go_to_the_next_client():
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S), broker() as running:
            async with Client(running.address, settings()) as first:
                queue = await both(first)
                await queue.post(b"x")
                await queue.get()
            async with Client(running.address, settings()) as second:
                message = await (await both(second)).get()
                assert (message.payload, message.is_redelivered) == (b"x", True)

    asyncio.run(main())


def test_a_broker_that_comes_back(tmp_path: Path):
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S):
            first = await broker(tmp_path).__aenter__()
            async with Client(first.address, settings()) as client:
                queue = await both(client, f"bmq://{FILE}/q")
                await queue.post(b"before")
                assert (await queue.get()).payload == b"before"
                await first.abort()
                await until(lambda: not client.is_connected)
                with pytest.raises(TimedOutError, match=r"not connected to tcp://.* within 0.0 s"):
                    await client.wait_ready(0.0)
                meanwhile = queue.post_nowait([b"meanwhile"])
                async with broker(tmp_path, first.port):
                    await client.wait_ready(PATIENCE_S)
                    assert (await meanwhile)[0].is_success
                    await queue.post(b"after")
                    found = [await queue.get() for _ in range(3)]
                    assert [m.payload for m in found] == [b"before", b"meanwhile", b"after"]
                    queue.confirm(*found)
                    assert client.reconnections == 1

    asyncio.run(main())


def test_a_queue_that_is_gone_after_a_reconnection():
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S):
            first = await broker().__aenter__()
            async with Client(first.address, settings()) as client:
                queue = await both(client)
                waiting = asyncio.ensure_future(queue.get())
                await first.abort()
                second = broker(port=first.port)
                second._domains = {}
                async with second:
                    with pytest.raises(ClientError, match=r"could not be opened again: Domain"):
                        await waiting

    asyncio.run(main())


def test_nobody_listens():
    async def main() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
            with pytest.raises(ConnectionLostError) as caught:
                async with Client(address, settings(connect_timeout_s=0.05)):
                    pass
            text = "no broker answered in time (0.05 s at most): Connection refused"
            assert str(caught.value) == f"{address}: {text}"

    asyncio.run(main())


def test_somebody_listens_who_is_no_broker():
    async def main() -> None:
        heard = 0

        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal heard
            heard += 1
            if heard == 1:
                writer.write(bytes(8))
            await reader.read()  # the first client leaves; those after it are let wait
            writer.close()

        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with server:
            with pytest.raises(ConnectionLostError, match=r"answered in time .*: eventHeader\."):
                async with Client(f"tcp://{host}:{port}", settings(connect_timeout_s=0.5)):
                    pass
            assert heard > 1  # what the first was told is not forgotten

    asyncio.run(main())


def test_somebody_listens_who_says_nothing():
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(ConnectionLostError, match=r"in time .*: nothing came back"):
                async with Client(address, settings(connect_timeout_s=0.05)):
                    pass

    asyncio.run(main())


def test_leaving_with_an_exception_says_goodbye_too():
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S), broker() as running:
            client = Client(running.address, settings())
            await client.__aenter__()
            await both(client)
            await client.__aexit__(KeyError, KeyError(), None)
            await until(lambda: running.statistics().sessions == 0)

    asyncio.run(main())


def test_nobody_waits_for_a_client_that_was_left():
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S), broker() as running:
            async with Client(running.address, settings()) as client:
                queue = await both(client)
                waiting = asyncio.ensure_future(queue.get())
                await queue.post(b"x")
                await waiting
                waiting = asyncio.ensure_future(queue.get())
                await queue.post(b"y")
                message = await waiting
                await queue.post(b"prefetched")
                await until(lambda: queue._inbox)
                empty = await both(client, f"{URI}-3")
                waiting = asyncio.ensure_future(empty.get())
            for use in (waiting, queue.get(), queue.post(b"late"), queue.close(),
                        client.open(f"{URI}-2", read=True)):  # fmt: skip
                with pytest.raises(ConnectionLostError, match="the client is closed"):
                    await use
            with pytest.raises(ConnectionLostError, match="the client is closed"):
                queue.confirm(message)

    asyncio.run(main())


def test_nobody_waits_for_a_connection_that_is_not_tried():
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S):
            running = await broker().__aenter__()
            async with Client(running.address, settings(reconnect=False)) as client:
                queue = await both(client)
                waiting = asyncio.ensure_future(queue.get())
                await running.abort()
                for use in (waiting, queue.get(), client.open(f"{URI}-2", read=True)):
                    with pytest.raises(ConnectionLostError, match="reconnect is off"):
                        await use

    asyncio.run(main())


# Calls that are cancelled.


@pytest.mark.parametrize("turns", range(4))
def test_an_open_that_is_cancelled_leaves_nothing_open(turns: int):
    async def main() -> None:
        async with (
            asyncio.timeout(PATIENCE_S),
            broker() as running,
            Client(running.address, settings()) as client,
            Client(running.address, settings()) as other,
        ):
            opening = asyncio.ensure_future(client.open(URI, read=True))
            for _ in range(turns):
                await turn()
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert client._queues == {}
            # An open of ours is answered after the close of what was given up.
            await client.open(f"{URI}-after", write=True)
            reader = await both(other)
            await reader.post_many([b"1", b"2", b"3", b"4"])
            found = [(await reader.get(PATIENCE_S)).payload for _ in range(4)]
            assert found == [b"1", b"2", b"3", b"4"]
            again = await both(client)
            await again.close()

    asyncio.run(main())


def test_an_open_that_is_cancelled_as_it_succeeds_leaves_nothing_open():
    async def main() -> None:
        async with (
            asyncio.timeout(PATIENCE_S),
            broker() as running,
            Client(running.address, settings()) as client,
        ):
            opening = asyncio.ensure_future(client.open(URI, read=True))
            handle = client._handle

            def handle_and_cancel(event: ClientEvent) -> None:
                handle(event)
                if isinstance(event, RequestDone) and not opening.done():
                    opening.cancel()

            client._handle = handle_and_cancel  # type: ignore[method-assign]
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert not client._queues
            assert not client._session.queues
            reader = await both(client)
            await reader.post(b"x")
            assert (await reader.get(PATIENCE_S)).payload == b"x"

    asyncio.run(main())


@pytest.mark.parametrize("is_heard", [False, True])
def test_entering_that_is_cancelled_leaves_nothing_behind(is_heard: bool):
    """The peer takes connections, or not, and says nothing."""

    async def main() -> None:
        with socket.socket() as peer:
            peer.bind(("127.0.0.1", 0))
            if is_heard:
                peer.listen()
            client = Client(f"tcp://127.0.0.1:{peer.getsockname()[1]}", settings())
            entering = asyncio.ensure_future(client.__aenter__())
            await until(lambda: client._transport if is_heard else client._lost)
            entering.cancel()
            with pytest.raises(asyncio.CancelledError):
                await entering
            await until(lambda: client._transport is None)
            await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(main())


def test_leaving_that_is_cancelled_leaves_nothing_behind():
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S):
            async with broker() as running:
                client = await Client(running.address, settings()).__aenter__()
                before = asyncio.all_tasks()
                leaving = asyncio.ensure_future(client.__aexit__(None, None, None))
                await until(lambda: client._requests)
                leaving.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await leaving
                await until(lambda: running.statistics().sessions == 0)
                assert client._connector in before
                await until(lambda: client._connector not in asyncio.all_tasks())

    asyncio.run(main())


# Brokers that do not do as they should.


def test_a_broker_that_answers_something_else_is_left_and_tried_again():
    answers = [
        control_event(NegotiationMessage(choice=BrokerResponse(result=OK))),
        control_event(ControlMessage(r_id=1, choice=DisconnectResponse())),
    ]
    connections = 0

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for answer in answers if connections == 1 else answers[:1]:
            await reader.read(65_536)
            writer.write(answer)
        await reader.read()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with asyncio.timeout(PATIENCE_S), server:
            client = await Client(f"tcp://{host}:{port}", settings()).__aenter__()
            with pytest.raises(ConnectionLostError, match="DisconnectResponse does not answer"):
                await client.open(URI, write=True)
            await client.wait_ready(PATIENCE_S)
            assert (connections, client.reconnections) == (2, 1)
            client._abort()
            await until(lambda: client._transport is None)

    asyncio.run(main())


def test_a_reader_that_was_stopped_stays_so_on_a_new_connection():
    async def scenario(client: Client) -> None:
        queue = await both(client)
        await queue.configure(None)
        assert client._transport is not None
        client._transport.abort()
        await until(lambda: client.reconnections)
        await client.wait_ready(PATIENCE_S)
        await queue.post(b"x")
        with pytest.raises(TimedOutError):
            await queue.get(0.0)
        await queue.configure(QueueOptions())
        assert (await queue.get(PATIENCE_S)).payload == b"x"

    run(scenario)
