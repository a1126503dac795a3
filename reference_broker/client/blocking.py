"""The blocking client: plain sockets, no thread, no callback; works under gevent.

Bytes are read and answers handled while a call waits for something. A client that makes no call
for long should call `pump` now and then: a broker with heartbeats gives up on silent peers.

A client belongs to one thread (or greenlet) at a time.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Final, Self

from reference_broker.base import PeerError
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
    RequestDone,
    SessionLost,
    SessionRestored,
)
from reference_broker.wire import Compression
from reference_broker.wire.properties import PropertiesLike

_RECEIVE_BYTES: Final = 256 * 1024
#: Acknowledgements that nobody has taken.
_ACKS_KEPT_MAX: Final = 1_000_000


class BlockingQueue(QueueHandle):
    """An open queue."""

    def __init__(self, client: BlockingClient, queue: ClientQueue) -> None:
        super().__init__(queue)
        self._client = client

    def post(
        self,
        payload: bytes,
        *,
        properties: PropertiesLike | None = None,
        compression: Compression = Compression.NONE,
        timeout: float = 30.0,
    ) -> Ack:
        """Post one message and wait until the broker has stored it.

        Raises:
            PostRefusedError: the broker did not store it.
            TimedOutError: no acknowledgement within `timeout` seconds; it may still come.
            ClientError: the queue or the client is closed, or it was not opened for writing.
            WireError: the properties break a limit.
            ValueError: the payload is empty.
            BufferError: too much waits for acknowledgement.
        """
        return self.post_many(
            [payload], properties=properties, compression=compression, timeout=timeout
        )[0]

    def post_many(
        self,
        payloads: Iterable[bytes],
        *,
        properties: PropertiesLike | None = None,
        compression: Compression = Compression.NONE,
        timeout: float = 30.0,
    ) -> list[Ack]:
        """Post messages as one event and wait until all are stored; raises as `post`."""
        guids = self.post_nowait(payloads, properties=properties, compression=compression)
        acks = self._client.wait_acks(guids, timeout)
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
    ) -> list[bytes]:
        """Post messages as one event and return their GUIDs, without waiting.

        Their acknowledgements come by `BlockingClient.wait_acks` or `take_acks`; raises as `post`.
        """
        self._check_writer()
        return self._client._post(  # noqa: SLF001 - one class in two parts
            self._queue, payloads, properties, compression
        )

    def get(self, timeout: float | None = None) -> Message:
        """Return the next message.

        Args:
            timeout: seconds to wait; None waits for ever.

        Raises:
            TimedOutError: none came in time.
            ClientError: the queue was closed, could not be opened again, or was not opened for
                reading.
        """
        self._wait(timeout)
        return self._inbox.popleft()

    def get_many(self, timeout: float | None = None) -> list[Message]:
        """Return all messages that are here, waiting for the first; raises as `get`."""
        self._wait(timeout)
        return self._take_all()

    def _wait(self, timeout: float | None) -> None:
        self._check_reader()
        if not self._client.pump_until(lambda: bool(self._inbox or self._failure), timeout):
            raise TimedOutError(f"no message from {self.uri} within {timeout} s")
        self._check_open()

    def confirm(self, *messages: Message) -> None:
        """Tell the broker that messages are done with; it will not deliver them again.

        Raises:
            ClientError: the queue or the client is closed: others get the messages.
        """
        self._check_open()
        self._client._confirm(self._queue, messages)  # noqa: SLF001

    def configure(self, options: QueueOptions | None) -> None:
        """Change how the queue is read; None stops the deliveries.

        Raises:
            RequestRefusedError: the broker refuses.
            ClientError: the queue or the client is closed.
        """
        self._check_open()
        self._client._configure(self._queue, options)  # noqa: SLF001

    def close(self) -> None:
        """Close the queue; messages not confirmed go to other consumers.

        Raises:
            ClientError: it is closed already.
        """
        self._check_open()
        self._client._close_queue(self)  # noqa: SLF001


class BlockingClient:
    """A session with a broker, for code that blocks.

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
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._queues: dict[ClientQueue, BlockingQueue] = {}
        #: Posted messages: None until acknowledged, then until somebody takes the answer.
        self._acks: dict[bytes, Ack | None] = {}
        self._acks_kept = 0
        self._is_leaving = False
        self._ended = "the client is closed"
        #: Why no connection could be made last; empty once there is one.
        self._unreachable = ""
        #: What went wrong with a connection last.
        self._trouble = ""
        self._retry_at = 0.0
        #: How often the connection was lost.
        self.reconnections = 0

    def __enter__(self) -> Self:
        """Connect and negotiate.

        Raises:
            ConnectionLostError: no broker answered within `connect_timeout_s`.
        """
        limit = self._settings.connect_timeout_s
        if not self.pump_until(lambda: self.is_connected, limit):
            # Leaving adds troubles of its own.
            trouble = self._unreachable or self._trouble or NO_ANSWER
            self.abort()
            text = f"{self._address}: no broker answered within {limit} s: {trouble}"
            raise ConnectionLostError(text)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say goodbye and close the connection."""
        self._is_leaving = True
        if self.is_connected:
            request = self._session.disconnect(now())
            self.pump_until(lambda: request.is_done, self._settings.request_timeout_s)
        self.abort()

    def abort(self) -> None:
        """Close the connection without a word, as a crash would."""
        self._is_leaving = True
        self._drop("closed by us")
        self._session.abandon(now(), self._ended)
        self._handle_events()
        self._fail_queues()

    def _fail_queues(self) -> None:
        """Tell every queue that nothing will come any more."""
        for handle in self._queues.values():
            handle._fail(ConnectionLostError, f"{self._address}: {self._ended}")  # noqa: SLF001

    @property
    def is_connected(self) -> bool:
        """Whether the session is ready for requests."""
        return self._session.phase is ClientPhase.READY

    @property
    def unacknowledged(self) -> int:
        """How many posted messages wait for their acknowledgement."""
        return self._session.unacknowledged

    def open(
        self,
        uri: str,
        *,
        read: bool = False,
        write: bool = False,
        options: QueueOptions | None = None,
    ) -> BlockingQueue:
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
        reading = (options or QueueOptions()) if read else None
        self.pump_until(lambda: self.is_connected, self._settings.request_timeout_s)
        queue, request = self._session.open_queue(now(), uri, reading, is_writer=write)
        handle = self._queues[queue] = BlockingQueue(self, queue)
        try:
            self.pump_until(lambda: request.is_done, None)
            check(f"open {uri}", request)
        except BaseException:
            # Nobody has the queue: what the broker has opened, or opens yet, is closed again.
            self._queues.pop(queue, None)
            self._session.give_up(now(), queue)
            raise
        return handle

    def wait_acks(self, guids: Sequence[bytes], timeout: float) -> list[Ack]:
        """Return the acknowledgements of posted messages, good and bad, in order.

        Raises:
            TimedOutError: not all came within `timeout` seconds; the others may still come.
        """
        acks = self._acks
        if not self.pump_until(lambda: all(acks.get(guid) for guid in reversed(guids)), timeout):
            missing = sum(1 for guid in guids if not acks.get(guid))
            raise TimedOutError(
                f"{missing} of {len(guids)} messages not acknowledged in {timeout} s"
            )
        found = [acks.pop(guid) for guid in guids]
        self._acks_kept -= len(found)
        return [ack for ack in found if ack is not None]

    def take_acks(self) -> list[Ack]:
        """Return the acknowledgements that came since the last call and that nobody waited for."""
        came = [ack for ack in self._acks.values() if ack is not None]
        for ack in came:
            del self._acks[ack.guid]
        self._acks_kept = 0
        return came

    # Pumping.

    def pump(self, timeout: float = 0.0) -> None:
        """Read what is there, waiting up to `timeout` seconds for it, and handle it."""
        self._send()
        if self._socket is None:
            self._connect(timeout)
            return
        if self._wait_io(select.POLLIN, timeout) & ~select.POLLOUT:
            self._receive()
        self._tick()
        self._send()
        self._handle_events()

    def _wait_io(self, events: int, timeout: float) -> int:
        """Wait until the socket can be read or written, as asked; returns what it can, or 0."""
        if self._socket is None:
            return 0
        self._poll.modify(self._socket, events)
        ready = self._poll.poll(max(timeout, 0.0) * 1000)
        return ready[0][1] if ready else 0

    def _receive(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._drop(str(error))
            return
        if not data:
            self._drop("closed by the broker")
            return
        try:
            self._session.received(now(), data)
        except PeerError as error:
            self._drop(str(error))

    def pump_until(self, is_done: Callable[[], bool], timeout: float | None) -> bool:
        """Pump until a condition holds; returns whether it does.

        Args:
            is_done: the condition.
            timeout: seconds to wait at most; None waits for ever.

        Raises:
            ConnectionLostError: there is no connection, and none will be tried.
        """
        give_up = None if timeout is None else time.monotonic() + timeout
        self._handle_events()
        while not is_done():
            left = None if give_up is None else give_up - time.monotonic()
            if left is not None and left <= 0:
                return False
            if self._socket is None and self._is_leaving:
                raise ConnectionLostError(f"{self._address}: {self._ended}")
            self.pump(self._patience(left))
        return True

    def _patience(self, left: float | None) -> float:
        """Return how long to wait for bytes: until something else is due."""
        waits = [1.0] if left is None else [1.0, left]
        deadline = self._session.next_deadline()
        if deadline is not None:
            waits.append((deadline - now()) / 1e9)
        if self._socket is None:
            waits.append(self._settings.retry_interval_s)
        return max(min(waits), 0.0)

    def _tick(self) -> None:
        deadline = self._session.next_deadline()
        moment = now()
        if deadline is not None and moment >= deadline:
            try:
                self._session.tick(moment)
            except PeerError as error:
                self._drop(str(error))

    def _send(self) -> None:
        """Send what waits. Meanwhile read: a broker that cannot write stops reading."""
        out = self._session.data_to_send()
        if not out or self._socket is None:
            return
        try:
            self._send_all(memoryview(b"".join(out)))
        except BaseException:
            # The rest of an event cannot follow later; on a new connection all is sent again.
            self._drop("interrupted while sending")
            raise

    def _send_all(self, rest: memoryview) -> None:
        give_up = time.monotonic() + self._settings.request_timeout_s
        while rest and self._socket is not None:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                left = give_up - time.monotonic()
                ready = self._wait_io(select.POLLIN | select.POLLOUT, left)
                if ready & ~select.POLLOUT:
                    self._receive()
                elif not ready:
                    limit = self._settings.request_timeout_s
                    self._drop(f"the broker takes nothing for {limit} s")
            except OSError as error:
                self._drop(f"send failed: {error}")

    def _connect(self, timeout: float) -> None:
        if self._is_leaving:
            return
        wait = self._retry_at - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, max(timeout, 0.0)))
            return
        self._retry_at = time.monotonic() + self._settings.retry_interval_s
        limit = self._settings.connect_timeout_s
        try:
            sock = socket.create_connection((self._host, self._port), limit)
        except OSError as error:
            self._unreachable = why_unreachable(error)
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._socket = sock
        self._unreachable = ""
        self._poll.register(sock, select.POLLIN)
        self._session.connected(now())

    def _drop(self, reason: str) -> None:
        self._trouble = reason
        if self._socket is not None:
            self._poll.unregister(self._socket)
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
        self._session.disconnected(now(), reason)
        self._handle_events()

    def _handle_events(self) -> None:
        for event in self._session.take_events():
            self._handle(event)

    def _handle(self, event: ClientEvent) -> None:
        match event:
            case MessagesReceived(messages):
                for message in messages:
                    handle = self._queues.get(message.queue)
                    if handle is not None:
                        handle._inbox.append(message)  # noqa: SLF001
            case AcksReceived(acks):
                for ack in acks:
                    if ack.guid in self._acks:
                        self._acks[ack.guid] = ack
                        self._acks_kept += 1
            case SessionLost():
                self.reconnections += not self._is_leaving
                if not self._settings.reconnect and not self._is_leaving:
                    self._is_leaving = True
                    self._ended = "the connection is lost, and settings.reconnect is off"
                    self._fail_queues()
            case ReopenFailed(queue, status):
                handle = self._queues.pop(queue, None)
                if handle is not None:
                    text = f"{queue.uri} could not be opened again: {status.message}"
                    handle._fail(ClientError, text)  # noqa: SLF001
            case RequestDone() | SessionRestored():
                pass

    # Called by the queues.

    def _post(
        self,
        queue: ClientQueue,
        payloads: Iterable[bytes],
        properties: PropertiesLike | None,
        compression: Compression,
    ) -> list[bytes]:
        if self._acks_kept > _ACKS_KEPT_MAX:
            text = f"{self._acks_kept} acknowledgements wait to be taken, the limit is"
            raise BufferError(f"{text} {_ACKS_KEPT_MAX}: call wait_acks or take_acks")
        guids = self._session.post(
            now(), queue, payloads, properties=properties, compression=compression
        )
        self._acks.update(dict.fromkeys(guids))
        self._send()
        return guids

    def _confirm(self, queue: ClientQueue, messages: Sequence[Message]) -> None:
        self._session.confirm(queue, [message.guid for message in messages])
        self._send()

    def _configure(self, queue: ClientQueue, options: QueueOptions | None) -> None:
        request = self._session.configure_queue(now(), queue, options)
        self.pump_until(lambda: request.is_done, None)
        check(f"configure {queue.uri}", request)

    def _close_queue(self, handle: BlockingQueue) -> None:
        queue = handle._queue  # noqa: SLF001
        request = self._session.close_queue(now(), queue)
        # From here on it is closed, whatever the broker answers.
        self._queues.pop(queue, None)
        handle._fail(ClientError, f"{handle.uri} is closed")  # noqa: SLF001
        self.pump_until(lambda: request.is_done, None)
        check(f"close {handle.uri}", request)
