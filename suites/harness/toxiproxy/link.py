"""One client's connection through a proxy: two sockets and a pipe in each direction.

    client  >- reader -> [stage] -> [stage] -> writer ->  upstream       "upstream"
    client <-  writer <- [stage] <- [stage] <- reader -<  upstream       "downstream"

Rules:
- A pipe is changed while it stands still: its tasks are cancelled (they can be, see
  `channel`), stages go or come, and tasks are started again. New stages come last.
- An end of stream is passed on as such, so one half may stay open. Toxiproxy closes the whole
  receiving connection instead, which loses answers that are still on their way.
- The link is over when both pipes have delivered their endings, or at a reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

from suites.harness.toxiproxy.channel import Channel, Chunk, Ending
from suites.harness.toxiproxy.toxics import BUFFER_BYTES, Direction, Stage, Toxic

logger = logging.getLogger(__name__)

READ_BYTES_MAX: Final = 64 * 1024
# How long a closed connection may take to deliver its last bytes.
LINGER_SECONDS: Final = 5.0


class Connection(NamedTuple):
    """Both ends of one TCP connection's streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def abort(self) -> None:
        """Drop the connection and what is not yet sent."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """Drop the connection with a TCP RST."""
        sock = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):  # it is closed already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def close_soon(self) -> None:
        """Send what is left and close; drop it if that takes too long."""
        self.writer.close()
        loop = asyncio.get_running_loop()
        loop.call_later(LINGER_SECONDS, self.writer.transport.abort)

    async def wait_closed(self) -> None:
        """Wait until the socket is closed; it has been told to."""
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Pipe:
    """The bytes of one direction, from a connection through the stages to another one.

    Args:
        source: where the bytes come from.
        destination: where they go.
        on_end: called once, with the ending that was delivered.
        on_bug: called when a task failed in a way that it must not.
    """

    def __init__(
        self,
        source: Connection,
        destination: Connection,
        *,
        on_end: Callable[[Ending], None],
        on_bug: Callable[[], None],
    ) -> None:
        self._reader = source.reader
        self._writer = destination.writer
        self._on_end = on_end
        self._on_bug = on_bug
        self._stages: list[Stage] = []
        self._last = Channel(BUFFER_BYTES)
        self._is_read_out = False
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, stages: list[Stage]) -> None:
        """Begin to move bytes, through these stages."""
        self._stages = stages
        self._resume()

    async def change(
        self,
        toxics: list[Toxic],
        new_stage: Callable[[Toxic], Stage],
        *,
        updated: Toxic | None = None,
    ) -> None:
        """Make the stages be those of `toxics`: the ones that stay in order, then new ones.

        Args:
            toxics: what is wanted, in order.
            new_stage: makes the stage of a toxic that has none yet.
            updated: a toxic whose settings changed; its timers start anew.
        """
        present = [stage.toxic for stage in self._stages]
        is_updated = any(toxic is updated for toxic in present)
        if _same_toxics(present, toxics) and not is_updated:
            return
        await self._pause()
        following = self._last
        staying: list[Stage] = []
        for stage in reversed(self._stages):
            if any(stage.toxic is toxic for toxic in toxics):
                staying.insert(0, stage)
                following = stage.inbox
            else:
                stage.remove(following)
            if stage.toxic is updated:
                stage.mark = None
        assert _same_toxics([stage.toxic for stage in staying], toxics[: len(staying)]), (
            "toxics that stay keep their order and new ones come last"
        )
        self._stages = staying + [new_stage(toxic) for toxic in toxics[len(staying) :]]
        self._resume()

    async def close(self) -> None:
        """Stop for good."""
        self._is_over = True
        await self._pause()

    async def _pause(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _resume(self) -> None:
        assert not self._tasks, "the pipe runs already"
        if self._is_over:
            return
        inboxes = [*(stage.inbox for stage in self._stages), self._last]
        for stage, outbox in zip(self._stages, inboxes[1:], strict=True):
            stage.outbox = outbox
            self._spawn(stage.run())
        if not self._is_read_out:
            self._spawn(self._read(inboxes[0]))
        self._spawn(self._write())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._check)
        self._tasks.append(task)

    def _check(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a pipe failed, its link is dropped", exc_info=error)
            self._on_bug()

    async def _read(self, first: Channel) -> None:
        loop = asyncio.get_running_loop()
        ending = Ending.FINISH
        while True:
            # Space first: what has been read can be appended without another wait.
            await first.wait_for_space()
            try:
                data = await self._reader.read(READ_BYTES_MAX)
            except OSError:
                ending = Ending.CLOSE
                break
            if not data:
                break
            first.append(Chunk(memoryview(data), loop.time()))
        self._is_read_out = True
        first.end(ending)

    async def _write(self) -> None:
        ending = Ending.CLOSE
        try:
            while (chunk := await self._last.wait_for_data()) is not None:
                self._writer.write(self._last.take(len(chunk.data)).data)
                await self._writer.drain()
            assert self._last.ending is not None, "the writer stopped before the end"
            ending = self._last.ending
        except OSError:  # the destination is gone
            pass
        self._is_over = True
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._on_end(ending)


def _same_toxics(some: list[Toxic], others: list[Toxic]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


class Link:
    """A client's connection and the one made for it to the upstream.

    Args:
        client: the accepted connection.
        upstream: the connection to the upstream.
        new_stage: makes the stage of a toxic for this link.
    """

    def __init__(
        self, client: Connection, upstream: Connection, new_stage: Callable[[Toxic], Stage]
    ) -> None:
        self._client = client
        self._upstream = upstream
        self._new_stage = new_stage
        self._is_over = asyncio.Event()
        self._open_pipes = 2
        self._pipes: dict[Direction, Pipe] = {
            "upstream": self._new_pipe(client, upstream),
            "downstream": self._new_pipe(upstream, client),
        }

    def start(self, toxics: list[Toxic]) -> None:
        """Begin to move bytes, under these toxics."""
        for direction, pipe in self._pipes.items():
            pipe.start([self._new_stage(t) for t in toxics if t.direction == direction])

    async def wait_over(self) -> None:
        """Wait until the link is over; both sockets are closed then, also on cancellation."""
        try:
            await self._is_over.wait()
            self._client.close_soon()
            self._upstream.close_soon()
            await self._wait_closed()
        finally:
            self._client.abort()
            self._upstream.abort()
            for pipe in self._pipes.values():
                await pipe.close()
            await self._wait_closed()

    async def change(self, toxics: list[Toxic], *, updated: Toxic | None = None) -> None:
        """Have the effects of `toxics` from now on; one call at a time.

        Args:
            toxics: those of the proxy, both directions, in order.
            updated: the one whose settings have changed, if one has.
        """
        for direction, pipe in self._pipes.items():
            wanted = [toxic for toxic in toxics if toxic.direction == direction]
            await pipe.change(wanted, self._new_stage, updated=updated)

    def _new_pipe(self, source: Connection, destination: Connection) -> Pipe:
        def end(ending: Ending) -> None:
            if ending is Ending.RESET:
                self._client.reset()
                self._upstream.reset()
                self._is_over.set()
            elif ending is Ending.CLOSE:
                destination.close_soon()
            elif destination.writer.can_write_eof():
                with contextlib.suppress(OSError):  # it is gone already
                    destination.writer.write_eof()
            self._open_pipes -= 1
            if self._open_pipes == 0:
                self._is_over.set()

        return Pipe(source, destination, on_end=end, on_bug=self._is_over.set)

    async def _wait_closed(self) -> None:
        await self._client.wait_closed()
        await self._upstream.wait_closed()
