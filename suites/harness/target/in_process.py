"""Our broker in a thread of the suite's own process: it starts in milliseconds.

It is the same broker on the same files and over the same TCP, so that it shows the same behaviour.
What it cannot show is what belongs to a process: its memory is the suite's, and the two share one
interpreter, so that neither is as fast as alone; a broker that hangs cannot be ended, it stays until
the suite ends. `kill` drops connections and forgets what is in memory, which leaves the files that a
process would leave that is killed between two turns of its loop, never in the midst of one; of a sync
that is under way the end is awaited.

A seeded defect changes this process, for good and for everybody in it: the suite's own peers use the
codecs of the broker, and its client.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reference_broker.app import ReferenceBroker, loop_factory
from suites.harness.defects import ALL_DEFECTS
from suites.harness.target.runner import LOG_TAIL_BYTES, STOP_SECONDS_MAX, tail_of
from suites.harness.target.spec import TargetError

_LOGGER: Final = logging.getLogger("reference_broker")
#: What a broker's process says when it could not go on.
_EXIT_RUN: Final = 6
#: The defects of this process: none or one.
_seeded: Final[list[str]] = []
#: Where the brokers of this process log to, one each.
_handlers: Final[list[logging.Handler]] = []
_lock: Final = threading.Lock()


class InProcessRunner:
    """Runs our broker on an event loop in a thread.

    Args:
        folder: its files; `etc` and `storage` are in it.
        defect: a seeded defect; empty for none.
    """

    def __init__(self, folder: Path, defect: str = "") -> None:
        self._folder = folder
        self._defect = defect
        self._log = folder / "broker.log"
        self._life: _Life | None = None

    @property
    def pid(self) -> int | None:
        """None: its process is the suite's."""
        return None

    def start(self) -> None:
        """Start it.

        Raises:
            TargetError: this process has another defect, or has one where none is wanted.
        """
        assert self._life is None, "it runs already"
        _seed(self._defect)
        self._life = _Life(self._folder, self._log)

    def wait_ended(self, timeout_s: float) -> str:
        """See `Runner`."""
        if self._life is None:
            return "the broker was ended"
        if not self._life.wait(timeout_s):
            return ""
        return f"the broker ended with exit code {_EXIT_RUN} ({self._life.error})"

    def stop(self) -> int:
        """Stop it gracefully, and return what its process would have ended with.

        Raises:
            TargetError: it hangs.
        """
        life, self._life = self._life, None
        if life is None:
            return 0
        life.end(is_graceful=True)
        return 0 if life.error is None else _EXIT_RUN

    def kill(self) -> int:
        """Drop it; raises as `stop`."""
        life, self._life = self._life, None
        if life is None:
            return 0
        life.end(is_graceful=False)
        return -signal.SIGKILL

    def log_tail(self, size: int = LOG_TAIL_BYTES) -> str:
        """See `Runner`."""
        return tail_of(self._log, size)


def _seed(defect: str) -> None:
    with _lock:
        if _seeded == [defect] or not (_seeded or defect):
            return
        if _seeded:
            raise TargetError(
                f"this process has the defect {_seeded[0]!r}, which cannot be taken back; "
                f"start a broker {f'with {defect!r}' if defect else 'without it'} in another process"
            )
        ALL_DEFECTS[defect].apply()
        _seeded.append(defect)


class _Life:
    """One broker from its start to its end, in a thread of its own."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_told_to_end = asyncio.Event()
        self._is_graceful = True
        #: What ended it, if nobody here did.
        self.error: Exception | None = None
        self._is_begun = threading.Event()
        self._is_over = threading.Event()
        # A daemon, so that a broker that hangs does not keep the suite from ending.
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end, and tell whether it came."""
        return self._is_over.wait(timeout_s)

    def end(self, *, is_graceful: bool) -> None:
        """End it and wait for that; raises `TargetError` if it hangs."""
        self._is_graceful = is_graceful
        if self._is_begun.wait(STOP_SECONDS_MAX) and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._is_told_to_end.set)
        self._thread.join(STOP_SECONDS_MAX)
        if self._thread.is_alive():
            raise TargetError(f"the broker hangs: it has not ended within {STOP_SECONDS_MAX} s")

    def _run(self) -> None:
        try:
            with _logging_to(self._log), asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._serve())
        except Exception as error:  # noqa: BLE001 - whatever ended it is told to who started it
            self.error = error
        finally:
            self._is_begun.set()
            self._is_over.set()

    async def _serve(self) -> None:
        broker = ReferenceBroker(self._folder / "etc", storage=self._folder / "storage")
        await broker.__aenter__()
        self._loop = asyncio.get_running_loop()
        self._is_begun.set()
        ends = [
            asyncio.ensure_future(broker.wait_stopped()),
            asyncio.ensure_future(self._is_told_to_end.wait()),
        ]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        ends[1].cancel()
        if self._is_graceful:
            await broker.stop()
        else:
            await broker.abort()
        await asyncio.gather(*ends, return_exceptions=True)


@contextlib.contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Write to a file what this thread logs, from INFO up."""
    thread = threading.get_ident()
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Lines())
    handler.addFilter(lambda record: record.thread == thread)
    _note_logging(handler, is_begun=True)
    try:
        yield
    finally:
        _note_logging(handler, is_begun=False)
        handler.close()


def _note_logging(handler: logging.Handler, *, is_begun: bool) -> None:
    with _lock:
        if is_begun:
            _handlers.append(handler)
            _LOGGER.addHandler(handler)
        else:
            _handlers.remove(handler)
            _LOGGER.removeHandler(handler)
        if _handlers:
            _LOGGER.addFilter(_make_harmless)
            _LOGGER.setLevel(logging.INFO)
        else:
            _LOGGER.removeFilter(_make_harmless)
            _LOGGER.setLevel(logging.NOTSET)


def _make_harmless(record: logging.LogRecord) -> bool:
    """Replace what cannot be encoded: a client may send any text, and others read records too."""
    record.msg, record.args = record.getMessage().encode(errors="backslashreplace").decode(), ()
    return True


class _Lines(logging.Formatter):
    """A record in a line, with its fields."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", ())
        return super().format(record) + "".join(f" {name}={value}" for name, value in fields)
