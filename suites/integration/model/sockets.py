"""Any target of the harness, over TCP, in real time.

One target serves all programs of a process; every program has domains, or at least queues, of its
own. Time does not move when it is told to, so messages do not grow old here.
"""

from __future__ import annotations

import itertools
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from suites.harness.target import Capability, Target, TargetSpec
from suites.integration.model.plan import APP_IDS, Plan

_SECONDS_MAX: Final = 10.0
_RECEIVE_BYTES: Final = 256 * 1024
_QUIET_S: Final = 0.1
_LONG_S: Final = 3600
_MEMORY_S: Final = 300
#: Domains of the peer's sample configuration, by mode and storage, and what they have in common.
_SAMPLES: Final = {
    ("priority", "inMemory"): "bmq.test.mem.priority",
    ("priority", "fileBacked"): "bmq.test.persistent.priority",
    ("fanout", "inMemory"): "bmq.test.mem.fanout",
    ("fanout", "fileBacked"): "bmq.test.persistent.fanout",
    ("broadcast", "inMemory"): "bmq.test.mem.broadcast",
}
_SAMPLE: Final = Plan(messages=1_000, size=1_048_576, domain_messages=2_000, apps=len(APP_IDS))


class _End:
    """The client's end of a connection."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), _SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_closed = False

    def read(self) -> bytes:
        """Return what has come."""
        chunks: list[bytes] = []
        while not self.is_closed and select.select([self.socket], [], [], 0)[0]:
            try:
                data = self.socket.recv(_RECEIVE_BYTES)
            except OSError:
                data = b""
            self.is_closed = not data
            chunks.append(data)
        return b"".join(chunks)


class SocketDriver:
    """See `driver.Driver`.

    Args:
        target: a running broker.
        programs: numbers programs.
        at_end: what to do when the program is over.
    """

    has_time = False
    heartbeat_s = 3
    heartbeats_max = 10

    def __init__(
        self,
        target: Target,
        programs: itertools.count[int],
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._target = target
        self._at_end = at_end
        self._number = next(programs)
        self._ends: dict[int, _End] = {}
        capabilities = target.capabilities
        self.has_lives = Capability.LIFECYCLE in capabilities
        self.is_configurable = Capability.CONFIGURED in capabilities
        self.is_strict = target.spec.is_ours
        # A connection that was closed may be noticed after what came on others behind it.
        self.rounds = 2
        self.quiet_s = 0.0 if target.spec.is_ours else _QUIET_S

    @property
    def now(self) -> int:
        """See `Driver`."""
        return time.monotonic_ns()

    def begin(self, plans: Sequence[Plan]) -> list[tuple[str, Plan]]:
        """See `Driver`."""
        found: dict[str, Plan] = {}
        for number, plan in enumerate(plans):
            if self.is_configurable:
                name = f"gauntlet.model.{self._number}.{number}"
                found[name] = plan._replace(ttl_s=_LONG_S, memory_s=_MEMORY_S)
                self.configure(name, found[name])
            else:
                name = _SAMPLES[plan.mode, plan.storage]
                found[name] = _SAMPLE._replace(mode=plan.mode, storage=plan.storage)
        return list(found.items())

    def queue_name(self, number: int) -> str:
        """See `Driver`."""
        return f"model-{time.time_ns():x}-{number}"

    def configure(self, name: str, plan: Plan) -> None:
        """See `Driver`."""
        self._target.write_domain(name, plan.as_shape())

    def connect(self, slot: int) -> None:
        """See `Driver`."""
        self._ends[slot] = _End(self._target.host, self._target.port)

    def send(self, slot: int, chunks: Sequence[bytes]) -> None:
        """See `Driver`."""
        end = self._ends[slot]
        try:
            for chunk in chunks:
                end.socket.sendall(chunk)
        except OSError:
            end.is_closed = True

    def take(self, slot: int) -> bytes:
        """See `Driver`."""
        return self._ends[slot].read()

    def is_closed(self, slot: int) -> bool:
        """See `Driver`."""
        return self._ends[slot].is_closed

    def close(self, slot: int) -> None:
        """See `Driver`."""
        self._ends.pop(slot).socket.close()

    def wait(self, seconds: float) -> bool:
        """See `Driver`."""
        open_ends = [end.socket for end in self._ends.values() if not end.is_closed]
        return bool(open_ends) and bool(select.select(open_ends, [], [], seconds)[0])

    def advance(self, seconds: int, pump: Callable[[], None]) -> None:
        """See `Driver`; it is not for this one."""
        del seconds, pump
        raise AssertionError("real time does not move when it is told to")

    def restart(self, *, is_graceful: bool) -> None:
        """See `Driver`."""
        if is_graceful:
            self._target.stop()
        else:
            self._target.kill()
        self._close_all()
        self._target.restart()

    def end(self) -> None:
        """See `Driver`."""
        self._close_all()
        self._at_end()

    def _close_all(self) -> None:
        for end in self._ends.values():
            end.socket.close()
        self._ends.clear()


@contextmanager
def shared_driver(target: str, defect: str = "") -> Iterator[Callable[[], SocketDriver]]:
    """Yield what makes drivers of one target, which is started for that.

    Args:
        target: its specification.
        defect: a seeded defect; empty for none.

    Raises:
        TargetError: it cannot be started or reached.
    """
    with Target(TargetSpec.parse(target, defect)) as running:
        programs = itertools.count(1)
        yield lambda: SocketDriver(running, programs)


def own_driver(target: str, defect: str = "") -> Callable[[], SocketDriver]:
    """Return what makes drivers with targets of their own, which end with their programs."""

    def new_driver() -> SocketDriver:
        stack = ExitStack()
        running = stack.enter_context(Target(TargetSpec.parse(target, defect)))
        return SocketDriver(running, itertools.count(1), stack.close)

    return new_driver
