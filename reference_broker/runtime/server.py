"""The asyncio server: it owns the sockets and drives one `Broker`.

Bytes that arrive in one turn of the event loop go into one step, or into several when many
connections bring some, each in a turn of its own; until then they are not read any further. After a
step the effects are carried out in order: writes at once, syncs in a thread with those that wait
sharing the next one, sends joined per connection, closes last. A connection whose peer does not read
is not read from either, and the core hears of it, so that nothing grows without bound.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

from reference_broker.base import Instant, OperatorError
from reference_broker.base.limits import STEP_INPUTS_MAX
from reference_broker.config import DomainConfig
from reference_broker.core import Broker
from reference_broker.ports import (
    AdminCommand,
    AdminResult,
    Close,
    Closed,
    Congested,
    CreateFile,
    DomainLoaded,
    Drained,
    Effect,
    FilesFound,
    Input,
    LoadDomain,
    Log,
    Opened,
    Read,
    ReadDone,
    Ready,
    Received,
    RemoveFile,
    Send,
    Stop,
    Stopped,
    Sync,
    Synced,
    TruncateFile,
    Write,
)
from reference_broker.runtime.log_files import LogFiles, StorageError

#: Looks up a domain's configuration; raises OperatorError.
DomainSource: TypeAlias = Callable[[str], DomainConfig]
#: Takes the core's log records.
RecordSink: TypeAlias = Callable[[Log], None]

#: Bytes that may wait for a peer before it is called congested, and below which it is not [FLOW-9].
_WRITE_HIGH_WATER = 4 * 1024 * 1024
_WRITE_LOW_WATER = 1024 * 1024
#: Connections that the kernel accepts for us; asyncio takes as many in one turn of its loop.
_BACKLOG = 128
#: How long a closing connection may take to send what waits, in seconds.
_CLOSE_SECONDS_MAX = 10.0
#: How often a peer that does not read is looked at: it may have closed its side.
_LOOK_SECONDS = 1.0
#: Operators' commands that may wait for an answer.
_COMMANDS_MAX = 1_000
#: The return code of a command that fails.
_COMMAND_FAILED = -2


class BrokerServer:
    """Drive a broker core over TCP.

    Args:
        broker: the core.
        files: where its log is; None for a broker without storage on disk.
        domains: looks up domain configurations.
        records: takes log records.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        files: LogFiles | None,
        domains: DomainSource,
        records: RecordSink,
    ) -> None:
        self.broker = broker
        self._files = files
        self._domains = domains
        self._records = records
        self._loop = asyncio.get_running_loop()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[int, _Connection] = {}
        self._next_connection = 1
        self._inputs: list[Input] = []
        self._is_step_due = False
        #: Connections that are not read until their inputs had a step, in the order in which they
        #: came; values mean nothing.
        self._waiting: dict[_Connection, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        #: Syncs, and removals that must not come before what was written is durable.
        self._syncs: deque[Sync | RemoveFile] = deque()
        self._sync_task: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[AdminResult]] = {}
        self._next_command = 1
        #: Completed when the log is recovered.
        self._ready: asyncio.Future[None] = self._loop.create_future()
        #: Completed when the broker has stopped; holds the error that ended it, if any.
        self.stopped: asyncio.Future[None] = self._loop.create_future()
        self._actions: dict[type, Callable[[Effect], None]] = {
            Send: self._send,
            Write: self._write,
            Sync: self._sync,
            Close: self._close,
            CreateFile: self._create_file,
            TruncateFile: self._truncate_file,
            RemoveFile: self._sync,
            Read: self._read,
            Ready: self._on_ready,
            LoadDomain: self._load_domain,
            Log: self._log,
            AdminResult: self._on_admin_result,
            Stopped: self._on_stopped,
        }

    # Life.

    async def start(self, addresses: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Recover the log, then listen; returns the addresses bound [FILE-3].

        Args:
            addresses: (host, port) pairs; port 0 takes a free one.

        Raises:
            OperatorError: the log is damaged, or an address cannot be used.
        """
        if self._files is not None:
            self.feed(FilesFound(self._files.find()))
            await asyncio.wait([self._ready, self.stopped], return_when=asyncio.FIRST_COMPLETED)
            if self.stopped.done():
                self.stopped.result()  # raises what ended it
                return []
        bound: list[tuple[str, int]] = []
        for host, port in addresses:
            try:
                server = await self._loop.create_server(
                    lambda: _Connection(self), host, port, backlog=_BACKLOG
                )
            except OSError as error:
                await self.abort()
                raise OperatorError(
                    f"cannot listen on {host}:{port}: {error.strerror or error}; "
                    "is another broker running? choose another port with --port"
                ) from error
            self._servers.append(server)
            bound.append(server.sockets[0].getsockname()[:2])
        return bound

    def stop(self) -> None:
        """Begin a graceful stop, and let nobody in [PROC-10]; `stopped` tells when it is complete."""
        self._stop_listening()
        self.feed(Stop())

    def command(self, text: str) -> asyncio.Future[AdminResult]:
        """Put an operator's command to the core; its answer comes in a later step.

        The future is cancelled if the broker stops before it answers.
        """
        token, self._next_command = self._next_command, self._next_command + 1
        answer: asyncio.Future[AdminResult] = self._loop.create_future()
        if self.stopped.done():
            answer.cancel()
        elif len(self._answers) >= _COMMANDS_MAX:
            text = f"{_COMMANDS_MAX} commands wait for an answer already"
            answer.set_result(AdminResult(token, text, _COMMAND_FAILED))
        else:
            self._answers[token] = answer
            self.feed(AdminCommand(token, text))
        return answer

    async def close(self) -> None:
        """Stop gracefully and wait for it."""
        if not self.stopped.done():
            self.stop()
        try:
            await asyncio.shield(self.stopped)
        finally:
            await self._tidy()

    async def abort(self) -> None:
        """Let everything go at once, as a crash would."""
        if not self.stopped.done():
            self.stopped.set_result(None)
        for connection in list(self._connections.values()):
            connection.abort()
        await self._tidy()

    async def _tidy(self) -> None:
        self._stop_listening()
        if self._timer is not None:
            self._timer.cancel()
        for answer in self._answers.values():
            answer.cancel()
        if self._sync_task is not None:
            await asyncio.wait([self._sync_task])
        closing = [connection.gone for connection in self._connections.values()]
        if closing:
            await asyncio.wait(closing, timeout=_CLOSE_SECONDS_MAX)
        for connection in list(self._connections.values()):
            connection.abort()
        if self._files is not None:
            self._files.close()
            self._files = None

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    # Steps.

    def feed(self, item: Input) -> None:
        """Note an input for a step: the next, in this turn of the loop, unless many wait."""
        self._inputs.append(item)
        self._want_step()

    def feed_from(self, connection: _Connection, item: Received) -> None:
        """Note what a connection received; it is not read while more waits than one step takes."""
        self.feed(item)
        if len(self._inputs) > STEP_INPUTS_MAX:
            self._waiting[connection] = None
            connection.wait()

    def _want_step(self) -> None:
        if not self._is_step_due:
            self._is_step_due = True
            self._loop.call_soon(self._step)

    def _take_inputs(self) -> list[Input]:
        """Return the inputs of this step; those left have theirs in the next turn of the loop."""
        inputs = self._inputs
        if len(inputs) > STEP_INPUTS_MAX:
            self._inputs = inputs[STEP_INPUTS_MAX:]
            del inputs[STEP_INPUTS_MAX:]
            self._want_step()
            return inputs
        self._inputs = []
        waiting, self._waiting = self._waiting, {}
        for connection in waiting:
            connection.go_on()
        return inputs

    def _step(self) -> None:
        self._is_step_due = False
        if self.stopped.done():
            self._inputs.clear()
            self._waiting.clear()
            return
        inputs = self._take_inputs()
        now = Instant(time.monotonic_ns())
        try:
            for effect in self.broker.step(now, inputs, wall_ns=time.time_ns()):
                self._actions[type(effect)](effect)
        except Exception as error:  # noqa: BLE001 - whatever it is, the broker must not go on
            self._fail(error)
            return
        self._set_timer(now)

    def _set_timer(self, now: Instant) -> None:
        deadline = self.broker.next_deadline()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None and not self.stopped.done():
            delay = max(deadline - now, 0) / 1e9
            self._timer = self._loop.call_later(delay, self._want_step)

    def _fail(self, error: BaseException) -> None:
        """End the broker at once, on a failing disk or a broken invariant.

        Nothing that was not written was acknowledged, and nothing will be.
        """
        if not self.stopped.done():
            self.stopped.set_exception(error)
        self._stop_listening()
        for connection in list(self._connections.values()):
            connection.abort()

    # Effects.

    def _send(self, effect: Effect) -> None:
        assert isinstance(effect, Send)
        connection = self._connections.get(effect.connection)
        if connection is not None:
            connection.send(effect)

    def _close(self, effect: Effect) -> None:
        assert isinstance(effect, Close)
        connection = self._connections.get(effect.connection)
        if connection is not None:
            connection.close()

    def _write(self, effect: Effect) -> None:
        assert isinstance(effect, Write)
        self._disk.append(effect.name, effect.chunks)

    def _create_file(self, effect: Effect) -> None:
        assert isinstance(effect, CreateFile)
        self._disk.create(effect.name)

    def _truncate_file(self, effect: Effect) -> None:
        assert isinstance(effect, TruncateFile)
        self._disk.truncate(effect.name, effect.size)

    def _read(self, effect: Effect) -> None:
        assert isinstance(effect, Read)
        try:
            reader = self._disk.reader(effect.name, effect.ranges)
        except StorageError as error:
            self.feed(ReadDone(effect.token, error))
            return
        reading = self._loop.run_in_executor(None, reader)
        reading.add_done_callback(lambda done: self._read_done(effect.token, done))

    def _read_done(self, token: int, reading: asyncio.Future[tuple[bytes, ...]]) -> None:
        error = reading.exception()
        if error is None:
            self.feed(ReadDone(token, reading.result()))
        elif isinstance(error, StorageError):
            self.feed(ReadDone(token, error))
        else:
            self._fail(error)

    def _on_ready(self, _effect: Effect) -> None:
        self._ready.set_result(None)

    def _load_domain(self, effect: Effect) -> None:
        assert isinstance(effect, LoadDomain)
        outcome: DomainConfig | OperatorError
        try:
            outcome = self._domains(effect.name)
        except OperatorError as error:
            outcome = error
        self.feed(DomainLoaded(effect.name, outcome))

    def _log(self, effect: Effect) -> None:
        assert isinstance(effect, Log)
        self._records(effect)

    def _on_admin_result(self, effect: Effect) -> None:
        assert isinstance(effect, AdminResult)
        answer = self._answers.pop(effect.token, None)
        if answer is not None and not answer.done():
            answer.set_result(effect)

    def _on_stopped(self, _effect: Effect) -> None:
        self.stopped.set_result(None)

    @property
    def _disk(self) -> LogFiles:
        if self._files is None:
            raise StorageError("a file-backed domain is in use, but no storage folder was given")
        return self._files

    # Syncs.

    def _sync(self, effect: Effect) -> None:
        assert isinstance(effect, Sync | RemoveFile)
        self._syncs.append(effect)
        if self._sync_task is None or self._sync_task.done():
            self._sync_task = self._loop.create_task(self._run_syncs())

    async def _run_syncs(self) -> None:
        """Sync until nothing waits; what came during one sync shares the next."""
        while self._syncs:
            batch, self._syncs = list(self._syncs), deque()
            names = list(dict.fromkeys(item.name for item in batch if isinstance(item, Sync)))
            removed = [item.name for item in batch if isinstance(item, RemoveFile)]
            try:
                await self._loop.run_in_executor(None, self._disk.sync, names)
                self._note_durable(
                    max((item.token for item in batch if isinstance(item, Sync)), default=0)
                )
                if removed:
                    await self._loop.run_in_executor(None, self._disk.remove, removed)
            except StorageError as error:
                self._fail(error)
                return

    def _note_durable(self, token: int) -> None:
        """Let go what waited for the sync with a token; 0 is none."""
        if token:
            self.feed(Synced(token))
            for connection in list(self._connections.values()):
                connection.release(token)

    # Called by connections.

    def add(self, connection: _Connection) -> int:
        """Take a new connection and number it."""
        number = self._next_connection
        self._next_connection += 1
        self._connections[number] = connection
        return number

    def remove(self, number: int) -> None:
        """Forget a connection that is gone."""
        self._connections.pop(number, None)


class _Connection(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, server: BrokerServer) -> None:
        self._server = server
        self._number = 0
        self._transport: asyncio.Transport | None = None
        #: Sends that wait for a sync, or behind one that does.
        self._held: deque[Send] = deque()
        self._held_bytes = 0
        self._is_backed_up = False
        self._is_congested = False
        self._is_waiting = False
        self._is_reading = True
        self._is_closing = False
        #: The core was told that it is gone.
        self._is_told = False
        #: Looks whether a peer that does not read has closed its side, or ends a connection that has.
        self._look: asyncio.TimerHandle | None = None
        self._durable_token = 0
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is one only by its methods
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_HIGH_WATER, low=_WRITE_LOW_WATER)
        self._number = self._server.add(self)
        peer = transport.get_extra_info("peername")
        self._server.feed(Opened(self._number, f"{peer[0]}:{peer[1]}" if peer else "?"))

    def data_received(self, data: bytes) -> None:
        self._server.feed_from(self, Received(self._number, data))

    def eof_received(self) -> bool:
        """Let the connection go: what waits for the peer has some time to leave, the core has none."""
        self._tell_closed("closed by the peer")
        self._close_soon()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._stop_looking()
        self._server.remove(self._number)
        self._tell_closed(str(exc) if exc else "closed by the peer")
        if not self.gone.done():
            self.gone.set_result(None)

    def _tell_closed(self, reason: str) -> None:
        if not self._is_told:
            self._is_told = True
            self._server.feed(Closed(self._number, reason))

    def pause_writing(self) -> None:
        self._is_backed_up = True
        self._note_congestion()

    def resume_writing(self) -> None:
        self._is_backed_up = False
        self._note_congestion()

    def _note_congestion(self) -> None:
        """Read, and let the core deliver, only while little waits for the peer or for the disk.

        What waits leaves in its order when the peer reads again [FLOW-8].
        """
        limit = _WRITE_LOW_WATER if self._is_congested else _WRITE_HIGH_WATER
        is_congested = self._is_backed_up or self._held_bytes > limit
        if is_congested is self._is_congested or self._is_closing or self._transport is None:
            return
        self._is_congested = is_congested
        self._set_reading()
        self._stop_looking()
        if is_congested:
            self._look_later()
            self._server.feed(Congested(self._number))
        else:
            self._server.feed(Drained(self._number))

    def wait(self) -> None:
        """Read no more until what was read had its step."""
        self._is_waiting = True
        self._set_reading()

    def go_on(self) -> None:
        """Read again."""
        self._is_waiting = False
        self._set_reading()

    def _set_reading(self) -> None:
        is_reading = not (self._is_congested or self._is_waiting)
        transport = self._transport
        if is_reading is self._is_reading or transport is None or transport.is_closing():
            return
        self._is_reading = is_reading
        if is_reading:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _look_later(self) -> None:
        self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look_for_end)

    def _look_for_end(self) -> None:
        """Give a peer that has closed its side some time to read: nothing else would end that."""
        assert self._transport is not None, "looking ends with it"
        if _has_closed_its_side(self._transport):
            self._end_later()
        else:
            self._look_later()

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def send(self, effect: Send) -> None:
        if self._held or effect.after > self._durable_token:
            self._held.append(effect)
            self._held_bytes += sum([len(chunk) for chunk in effect.chunks])
            self._note_congestion()
        elif self._transport is not None:
            self._transport.write(b"".join(effect.chunks))

    def release(self, token: int) -> None:
        """Send what waited for the sync with this token."""
        self._durable_token = token
        while self._held and self._held[0].after <= token and self._transport is not None:
            data = b"".join(self._held.popleft().chunks)
            self._held_bytes -= len(data)
            self._transport.write(data)
        self._note_congestion()
        if self._is_closing and not self._held and self._transport is not None:
            self._transport.close()

    def close(self) -> None:
        """Close after what waits has left, or after a time limit."""
        if self._transport is None:
            return
        self._close_soon()
        if not self._held:
            self._transport.close()

    def _close_soon(self) -> None:
        self._is_closing = True
        self._stop_looking()
        self._end_later()

    def _end_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._look = loop.call_later(_CLOSE_SECONDS_MAX, self.abort)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()


def _has_closed_its_side(transport: asyncio.Transport) -> bool:
    """Return whether the peer will send nothing more, without reading what it has sent before."""
    if not hasattr(select, "POLLRDHUP"):
        return False  # elsewhere than on Linux only heartbeats tell
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))
