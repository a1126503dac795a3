"""The asyncio client.

One `Client` is one session. It connects on entering its context, reconnects by itself, and says
goodbye on leaving. Everything happens on the loop that it was entered on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Self, cast

from reference_broker.base import Instant, PeerError
from reference_broker.client.errors import (
    ClientError,
    ConnectionLostError,
    PostRefusedError,
    TimedOutError,
)
from reference_broker.client.handle import QueueHandle
from reference_broker.client.settings import (
    DEFAULT_ADDRESS,
    NO_ANSWER,
    ClientSettings,
    check,
    now,
    parse_address,
    why_unreachable,
)
from reference_broker.session import (
    Ack,
    AcksReceived,
    ClientEvent,
    ClientPhase,
    ClientQueue,
    Message,
    MessagesReceived,
    QueueOptions,
    ReopenFailed,
    Request,
    RequestDone,
    SessionLost,
    SessionRestored,
)
from reference_broker.wire import Compression
from reference_broker.wire.properties import PropertiesLike


class _Batch:
    """Messages posted together whose acknowledgements are awaited together."""

    __slots__ = ("acks", "count", "future")

    def __init__(self, count: int, future: asyncio.Future[list[Ack]]) -> None:
        self.count = count
        self.acks: list[Ack] = []
        self.future = future


class AsyncQueue(QueueHandle):
    """An open queue."""

    def __init__(self, client: Client, queue: ClientQueue) -> None:
        super().__init__(queue)
        self._client = client
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def post(
        self,
        payload: bytes,
        *,
        properties: PropertiesLike | None = None,
        compression: Compression = Compression.NONE,
    ) -> Ack:
        """Post one message and wait until the broker has stored it.

        Raises:
            PostRefusedError: the broker did not store it.
            ClientError: the queue or the client is closed, or it was not opened for writing.
            WireError: the properties break a limit.
            ValueError: the payload is empty.
            BufferError: too much waits for acknowledgement.
        """
        acks = await self.post_many([payload], properties=properties, compression=compression)
        return acks[0]

    async def post_many(
        self,
        payloads: Iterable[bytes],
        *,
        properties: PropertiesLike | None = None,
        compression: Compression = Compression.NONE,
    ) -> list[Ack]:
        """Post messages as one event and wait until all are stored; raises as `post`."""
        acks = await self.post_nowait(payloads, properties=properties, compression=compression)
        refused = [ack for ack in acks if not ack.is_success]
        if refused:
            raise PostRefusedError(refused, len(acks))
        return acks

    def post_nowait(
        self,
        payloads: Iterable[bytes],
        *,
        properties: PropertiesLike | None = None,
        compression: Compression = Compression.NONE,
    ) -> asyncio.Future[list[Ack]]:
        """Post messages as one event; the future gives their acknowledgements, good and bad.

        Raises:
            ClientError, WireError, ValueError, BufferError: at once, as `post`.
        """
        self._check_writer()
        return self._client._post(  # noqa: SLF001 - one class in two parts
            self._queue, payloads, properties, compression
        )

    async def get(self, timeout: float | None = None) -> Message:  # noqa: ASYNC109 - as Queue.get
        """Return the next message.

        Args:
            timeout: seconds to wait; None waits for ever.

        Raises:
            TimedOutError: none came in time.
            ClientError: the queue was closed, could not be opened again, or was not opened for
                reading.
        """
        while not self._inbox:
            await self._wait(timeout)
        return self._inbox.popleft()

    async def get_many(self, timeout: float | None = None) -> list[Message]:  # noqa: ASYNC109
        """Return all messages that are here, waiting for the first; raises as `get`."""
        while not self._inbox:
            await self._wait(timeout)
        return self._take_all()

    async def _wait(self, seconds: float | None) -> None:
        self._check_reader()
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            text = f"no message from {self.uri} within {seconds} s"
            raise TimedOutError(text) from None
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over messages, for ever."""
        while True:
            yield await self.get()

    def confirm(self, *messages: Message) -> None:
        """Tell the broker that messages are done with; it will not deliver them again.

        Raises:
            ClientError: the queue or the client is closed: others get the messages.
        """
        self._check_open()
        self._client._confirm(self._queue, messages)  # noqa: SLF001

    async def configure(self, options: QueueOptions | None) -> None:
        """Change how the queue is read; None stops the deliveries.

        Raises:
            RequestRefusedError: the broker refuses.
            ClientError: the queue or the client is closed.
        """
        self._check_open()
        await self._client._configure(self._queue, options)  # noqa: SLF001

    async def close(self) -> None:
        """Close the queue; messages not confirmed go to other consumers.

        Raises:
            ClientError: it is closed already.
        """
        self._check_open()
        await self._client._close_queue(self)  # noqa: SLF001

    # Called by the client.

    def _deliver(self, message: Message) -> None:
        self._inbox.append(message)
        if self._waiters:
            self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def _fail(self, error: type[ClientError], text: str) -> None:
        super()._fail(error, text)
        self._wake()


class Client:
    """A session with a broker, for asyncio.

    Args:
        address: `tcp://HOST:PORT`.
        settings: how it behaves.
    """

    def __init__(
        self, address: str = DEFAULT_ADDRESS, settings: ClientSettings | None = None
    ) -> None:
        self._host, self._port = parse_address(address)
        self._address = address
        self._settings = settings or ClientSettings()
        self._session = self._settings.new_session()
        self._transport: asyncio.Transport | None = None
        self._queues: dict[ClientQueue, AsyncQueue] = {}
        self._batches: dict[bytes, _Batch] = {}
        self._requests: dict[Request, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = Instant(0)
        self._is_flush_due = False
        self._is_leaving = False
        self._connector: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._lost: asyncio.Future[None] | None = None
        #: Why nothing can come any more.
        self._ended = ""
        #: Why no connection could be made last; empty once there is one.
        self._unreachable = ""
        #: What went wrong with a connection last.
        self._trouble = ""
        #: How often the connection was lost and restored.
        self.reconnections = 0

    async def __aenter__(self) -> Self:
        """Connect and negotiate.

        Raises:
            ConnectionLostError: no broker answered within `connect_timeout_s`.
        """
        self._connector = asyncio.get_running_loop().create_task(self._keep_connected())
        ready = asyncio.ensure_future(self._ready.wait())
        try:
            await asyncio.wait(
                [ready, self._connector],
                timeout=self._settings.connect_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        except asyncio.CancelledError:
            self._abort()
            raise
        finally:
            ready.cancel()
        if not self.is_connected:
            # Leaving adds troubles of its own.
            trouble = self._unreachable or self._trouble or NO_ANSWER
            await self._leave()
            limit = self._settings.connect_timeout_s
            text = f"{self._address}: no broker answered in time ({limit} s at most): {trouble}"
            raise ConnectionLostError(text)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say goodbye and close the connection; without a word if it is cancelled."""
        try:
            if self._session.phase is ClientPhase.READY:
                self._is_leaving = True
                done = self._track(self._session.disconnect(now()))
                self._flush()
                await asyncio.wait([done], timeout=self._settings.request_timeout_s)
        finally:
            await self._leave()

    @property
    def unacknowledged(self) -> int:
        """How many posted messages wait for their acknowledgement."""
        return self._session.unacknowledged

    @property
    def is_connected(self) -> bool:
        """Whether the session is ready for requests."""
        return self._session.phase is ClientPhase.READY

    async def wait_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait until the session is ready, as after a lost connection.

        Raises:
            TimedOutError: it is not, within `timeout` seconds.
            ConnectionLostError: it never will be.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            raise TimedOutError(f"not connected to {self._address} within {timeout} s") from None
        self._check_usable()

    def _check_usable(self) -> None:
        if self._ended:
            raise ConnectionLostError(self._ended)

    async def open(
        self,
        uri: str,
        *,
        read: bool = False,
        write: bool = False,
        options: QueueOptions | None = None,
    ) -> AsyncQueue:
        """Open a queue.

        Args:
            uri: `bmq://DOMAIN/QUEUE`, with `?id=APP` to read from a fanout queue.
            read: deliver messages to us.
            write: let us post.
            options: how to read.

        Raises:
            RequestRefusedError: the broker refuses; its `status` says why.
            UriError: the URI is malformed.
            ConnectionLostError: the connection broke meanwhile.
            ValueError: neither reading nor writing was asked for, or the queue is open already.
        """
        if not read and not write:
            raise ValueError("open for reading, for writing, or for both")
        await self.wait_ready()
        reading = (options or QueueOptions()) if read else None
        queue, request = self._session.open_queue(now(), uri, reading, is_writer=write)
        handle = self._queues[queue] = AsyncQueue(self, queue)
        done = self._track(request)
        self._flush()
        try:
            await done
            check(f"open {uri}", request)
        except BaseException:
            # Nobody has the queue: what the broker has opened, or opens yet, is closed again.
            self._queues.pop(queue, None)
            self._session.give_up(now(), queue)
            self._flush()
            raise
        return handle

    # Called by the queues.

    def _post(
        self,
        queue: ClientQueue,
        payloads: Iterable[bytes],
        properties: PropertiesLike | None,
        compression: Compression,
    ) -> asyncio.Future[list[Ack]]:
        self._check_usable()
        guids = self._session.post(
            now(), queue, payloads, properties=properties, compression=compression
        )
        future: asyncio.Future[list[Ack]] = asyncio.get_running_loop().create_future()
        if not guids:
            future.set_result([])
            return future
        batch = _Batch(len(guids), future)
        self._batches.update(dict.fromkeys(guids, batch))
        self._flush_soon()
        return future

    def _confirm(self, queue: ClientQueue, messages: Sequence[Message]) -> None:
        self._session.confirm(queue, [message.guid for message in messages])
        self._flush_soon()

    async def _configure(self, queue: ClientQueue, options: QueueOptions | None) -> None:
        request = self._session.configure_queue(now(), queue, options)
        done = self._track(request)
        self._flush()
        await done
        check(f"configure {queue.uri}", request)

    async def _close_queue(self, handle: AsyncQueue) -> None:
        queue = handle._queue  # noqa: SLF001
        request = self._session.close_queue(now(), queue)
        # From here on it is closed, whatever the broker answers.
        self._queues.pop(queue, None)
        handle._fail(ClientError, f"{handle.uri} is closed")  # noqa: SLF001
        done = self._track(request)
        self._flush()
        await done
        check(f"close {handle.uri}", request)

    def _track(self, request: Request) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if request.is_done:
            future.set_result(None)
        else:
            self._requests[request] = future
        return future

    # The connection.

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._is_leaving:
            self._lost = loop.create_future()
            try:
                await loop.create_connection(lambda: _Wire(self), self._host, self._port)
            except OSError as error:
                self._unreachable = why_unreachable(error)
                if self._lost.done() is False:
                    self._lost.set_result(None)
            await self._lost
            if self._has_no_more_to_try():
                if not self._is_leaving:
                    self._end("the connection is lost, and settings.reconnect is off")
                return
            pause: asyncio.Future[None] = loop.create_future()
            loop.call_later(self._settings.retry_interval_s, _complete, pause)
            await pause

    def _has_no_more_to_try(self) -> bool:
        return self._is_leaving or (bool(self.reconnections) and not self._settings.reconnect)

    async def _leave(self) -> None:
        self._is_leaving = True
        connector, limit = self._connector, self._settings.request_timeout_s
        try:
            if self._transport is not None and connector is not None:
                self._transport.close()  # once it has sent what it has, the connector ends
                await asyncio.wait([connector], timeout=limit)
        finally:
            self._abort()
        if connector is not None:
            await asyncio.wait([connector], timeout=limit)

    def _abort(self) -> None:
        """Let go of everything at once."""
        self._is_leaving = True
        if self._transport is not None:
            self._transport.abort()
        if self._connector is not None:
            self._connector.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._end("the client is closed")

    def _end(self, reason: str) -> None:
        """Tell everybody who waits that nothing will come any more."""
        if self._ended:
            return
        self._ended = f"{self._address}: {reason}"
        self._session.abandon(now(), reason)
        self._handle_events()
        self._ready.set()
        for handle in self._queues.values():
            handle._fail(ConnectionLostError, self._ended)  # noqa: SLF001

    def _connection_made(self, transport: asyncio.Transport) -> None:
        if self._is_leaving:
            transport.abort()
            return
        self._transport = transport
        self._unreachable = ""
        self._session.connected(now())
        self._flush()

    def _data_received(self, data: bytes) -> None:
        try:
            self._session.received(now(), data)
        except PeerError as error:
            self._drop(str(error))
        self._flush()

    def _connection_lost(self, reason: str) -> None:
        self._transport = None
        if self._session.phase is not ClientPhase.LOST:  # or else `_drop` knows better
            self._trouble = reason
        self._ready.clear()
        self._session.disconnected(now(), reason)
        self._handle_events()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    def _drop(self, reason: str) -> None:
        """Drop a connection on which the broker misbehaves."""
        self._trouble = reason
        self._ready.clear()
        self._session.disconnected(now(), reason)
        if self._transport is not None:
            self._transport.abort()

    # Pumping.

    def _flush_soon(self) -> None:
        """Send at the end of this turn of the loop, together with what else is posted in it."""
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        self._handle_events()
        out = self._session.data_to_send()
        if out and self._transport is not None:
            self._transport.write(b"".join(out))
        deadline = self._session.next_deadline()
        if deadline is not None:
            self._set_timer(deadline)

    def _set_timer(self, deadline: Instant) -> None:
        """See that `_on_timer` runs by then; an earlier timer finds out that it is early."""
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        delay = max(deadline - now(), 0) / 1e9
        self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            self._session.tick(now())
        except PeerError as error:
            self._drop(str(error))
        self._flush()

    def _handle_events(self) -> None:
        for event in self._session.take_events():
            self._handle(event)

    def _handle(self, event: ClientEvent) -> None:
        match event:
            case MessagesReceived(messages):
                for message in messages:
                    handle = self._queues.get(message.queue)
                    if handle is not None:
                        handle._deliver(message)  # noqa: SLF001
            case AcksReceived(acks):
                for ack in acks:
                    self._acknowledge(ack)
            case RequestDone(request):
                future = self._requests.pop(request, None)
                if future is not None and not future.done():
                    future.set_result(None)
            case SessionRestored():
                self._ready.set()
            case SessionLost():
                self.reconnections += not self._is_leaving
            case ReopenFailed(queue, status):
                handle = self._queues.pop(queue, None)
                if handle is not None:
                    text = f"{queue.uri} could not be opened again: {status.message}"
                    handle._fail(ClientError, text)  # noqa: SLF001

    def _acknowledge(self, ack: Ack) -> None:
        batch = self._batches.pop(ack.guid, None)
        if batch is None:
            return
        batch.acks.append(ack)
        if len(batch.acks) == batch.count and not batch.future.done():
            batch.future.set_result(batch.acks)


def _complete(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Wire(asyncio.Protocol):
    """The client's side of one TCP connection."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is one only by its methods
        self._client._connection_made(transport)  # noqa: SLF001

    def data_received(self, data: bytes) -> None:
        self._client._data_received(data)  # noqa: SLF001

    def connection_lost(self, exc: Exception | None) -> None:
        reason = str(exc) if exc else "closed by the broker"
        self._client._connection_lost(reason)  # noqa: SLF001
