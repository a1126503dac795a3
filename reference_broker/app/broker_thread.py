"""A broker in a thread of its own, with its own event loop: for callers that block."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from reference_broker.app.event_loop import loop_factory
from reference_broker.base import OperatorError

_HAS_ENDED: Final = "the broker has ended; start another one"

_T = TypeVar("_T")


class Served(Protocol):
    """What runs here: a broker that is started, and has ended when `wait_stopped` returns."""

    async def start(self) -> None:
        """Start, or raise what prevents it."""

    async def wait_stopped(self) -> None:
        """Return when it has ended, whoever asked for it."""

    async def stop(self) -> None:
        """End gracefully, or raise what ended it before."""

    async def abort(self) -> None:
        """End at once."""


class BrokerThread:
    """Runs a broker until it ends or is told to.

    Args:
        broker: not started yet; from now on it belongs to the thread.
    """

    def __init__(self, broker: Served) -> None:
        self._broker = broker
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_told_to_end = asyncio.Event()
        self._is_graceful = True
        self._begun: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._over: concurrent.futures.Future[None] = concurrent.futures.Future()
        # A daemon, so that a broker that hangs does not keep its process from ending.
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def start(self) -> None:
        """Start the broker, and return when it listens.

        Raises:
            OperatorError: the configuration, the storage or the address cannot be used.
        """
        self._thread.start()
        try:
            self._begun.result()
        except BaseException:
            self._tell(is_graceful=False)
            raise

    def end(self, *, is_graceful: bool) -> None:
        """End the broker, and return when it has ended; again, when it has ended, does nothing.

        Raises:
            Exception: what ended it before, such as a disk that failed.
        """
        self._tell(is_graceful=is_graceful)
        self._thread.join()
        self._over.result()

    def call(self, work: Callable[[], Coroutine[object, object, _T]]) -> _T:
        """Do some work on the broker's loop, and return what it returns.

        Raises:
            OperatorError: the broker has ended, or ended meanwhile.
        """
        if self._over.done() or self._loop is None:
            raise OperatorError(_HAS_ENDED)
        coroutine = work()
        try:
            working = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the loop was closed just now
            coroutine.close()
            raise OperatorError(_HAS_ENDED) from None
        # Work that comes while the loop is being closed is never done.
        waits: list[concurrent.futures.Future[Any]] = [working, self._over]
        concurrent.futures.wait(waits, return_when=concurrent.futures.FIRST_COMPLETED)
        if not working.done() or working.cancelled():
            raise OperatorError(_HAS_ENDED)
        return working.result()

    # In the thread.

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised to whoever ends the broker
            if not self._begun.done():
                self._begun.set_exception(error)
            self._over.set_exception(error)
        else:
            self._over.set_result(None)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._broker.start()
        self._begun.set_result(None)
        await _first_of(self._broker.wait_stopped(), self._is_told_to_end.wait())
        await (self._broker.stop() if self._is_graceful else self._broker.abort())

    def _tell(self, *, is_graceful: bool) -> None:
        self._is_graceful = is_graceful
        if self._loop is None:  # nobody waits yet
            self._is_told_to_end.set()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._is_told_to_end.set)


async def _first_of(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
