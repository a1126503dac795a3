"""The core of our broker in this process: bytes in, bytes out, in virtual time, files in memory.

It keeps the ordering contract of `reference_broker.ports`, and answers at once whatever the core
asks for. What was written is there after a crash, as it is for a process that is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from reference_broker.base import Instant, seconds
from reference_broker.config import (
    ClusterConfig,
    DomainConfig,
    DomainNotFound,
    SampleConfig,
    ThrottleConfig,
    parse_domain,
)
from reference_broker.core import Broker
from reference_broker.ports import (
    Close,
    Closed,
    CreateFile,
    DomainLoaded,
    Effect,
    FilesFound,
    Input,
    LoadDomain,
    Opened,
    Read,
    ReadDone,
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
from reference_broker.session import BrokerFacts
from suites.integration.model.line import DeviationError
from suites.integration.model.plan import Plan

_WALL_NS: Final = 1_800_000_000_000_000_000
_START_NS: Final = 1_000_000_000
_ROUNDS_MAX: Final = 1_000
_YEAR_MS: Final = 365 * 24 * 3600 * 1000
#: Small, so that short programs reach what lies behind them.
_HOT_BYTES: Final = 2_000
_SEGMENT_BYTES: Final = 8_192


@cache
def _cluster() -> ClusterConfig:
    sample = SampleConfig().load_clusters().clusters[0]
    throttle = ThrottleConfig(low_threshold=0, high_threshold=0)
    return replace(sample, shutdown_timeout_ms=1, queue_keepalive_ms=_YEAR_MS, throttle=throttle)


@cache
def _parsed(name: str, plan: Plan) -> DomainConfig:
    parsed = parse_domain(name, _document(plan))
    assert isinstance(parsed, DomainConfig), parsed
    return parsed


def _document(plan: Plan) -> dict[str, object]:
    """Return a domain's file."""

    def limits(pair: tuple[int, int]) -> dict[str, int]:
        return {"messages": pair[0], "bytes": pair[1]}

    shape = plan.as_shape()
    parameters: dict[str, object] = {
        "mode": {shape.mode: {"appIDs": list(shape.app_ids)} if shape.app_ids else {}},
        "storage": {
            "config": {shape.storage: {}},
            "queueLimits": limits(shape.queue_limits),
            "domainLimits": limits(shape.domain_limits),
        },
        "consistency": {shape.consistency: {}},
        **shape.changes,
    }
    return {"definition": {"location": "local", "parameters": parameters}}


class _End:
    """The client's end of a connection."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.received = bytearray()
        self.held: list[Send] = []
        self.is_closed = False


class VirtualDriver:
    """See `driver.Driver`."""

    has_time = True
    has_lives = True
    is_configurable = True
    is_strict = True
    heartbeat_s = 3
    heartbeats_max = 4
    rounds = 0
    quiet_s = 0.0

    def __init__(self) -> None:
        self._domains: dict[str, DomainConfig] = {}
        self._cluster = _cluster()
        self._ends: dict[int, _End] = {}
        self._slots: dict[int, _End] = {}
        self._files: dict[str, bytearray] = {}
        self._now = Instant(_START_NS)
        self._connections = 0
        self._durable_token = 0
        self._is_stopped = False
        self._broker = self._new_broker()

    @property
    def now(self) -> int:
        """See `Driver`."""
        return self._now

    def begin(self, plans: Sequence[Plan]) -> list[tuple[str, Plan]]:
        """See `Driver`."""
        found = [(f"model.{number}", plan) for number, plan in enumerate(plans)]
        for name, plan in found:
            self.configure(name, plan)
        self._step(FilesFound(()))
        return found

    def queue_name(self, number: int) -> str:
        """See `Driver`."""
        return f"q{number}"

    def configure(self, name: str, plan: Plan) -> None:
        """See `Driver`."""
        self._domains[name] = _parsed(name, plan)

    def connect(self, slot: int) -> None:
        """See `Driver`."""
        self._connections += 1
        end = _End(self._connections)
        self._ends[end.number] = self._slots[slot] = end
        self._step(Opened(end.number, f"127.0.0.1:{4000 + end.number}"))

    def send(self, slot: int, chunks: Sequence[bytes]) -> None:
        """See `Driver`."""
        end = self._slots[slot]
        self._step(*(Received(end.number, chunk) for chunk in chunks))

    def take(self, slot: int) -> bytes:
        """See `Driver`."""
        end = self._slots[slot]
        data = bytes(end.received)
        end.received.clear()
        return data

    def is_closed(self, slot: int) -> bool:
        """See `Driver`."""
        return self._slots[slot].is_closed

    def close(self, slot: int) -> None:
        """See `Driver`."""
        end = self._slots.pop(slot)
        if self._ends.pop(end.number, None) is not None:
            self._step(Closed(end.number, "closed by the peer"))

    def wait(self, seconds: float) -> bool:
        """See `Driver`; nothing comes by itself."""
        del seconds
        return False

    def advance(self, count: int, pump: Callable[[], None]) -> None:
        """See `Driver`."""
        end = Instant(self._now + seconds(count))
        for _ in range(_ROUNDS_MAX):
            deadline = self._broker.next_deadline()
            self._now = end if deadline is None else Instant(max(self._now, min(deadline, end)))
            self._step()
            pump()
            if self._now >= end:
                return
        raise DeviationError("the broker's deadlines never pass")

    def restart(self, *, is_graceful: bool) -> None:
        """See `Driver`."""
        if is_graceful:
            self._step(Stop())
            self._wait_stopped()
        self._ends.clear()
        self._slots.clear()
        self._durable_token = 0
        self._is_stopped = False
        self._now = Instant(self._now + seconds(1))
        self._broker = self._new_broker()
        self._step(FilesFound(tuple((n, len(self._files[n])) for n in sorted(self._files))))

    def end(self) -> None:
        """See `Driver`."""

    def _new_broker(self) -> Broker:
        facts = BrokerFacts(
            heartbeat_interval_ms=self.heartbeat_s * 1000, heartbeat_misses_max=self.heartbeats_max
        )
        return Broker(
            facts,
            cluster=self._cluster,
            hot_bytes_max=_HOT_BYTES,
            segment_bytes_max=_SEGMENT_BYTES,
        )

    def _wait_stopped(self) -> None:
        for _ in range(_ROUNDS_MAX):
            if self._is_stopped:
                return
            deadline = self._broker.next_deadline()
            if deadline is None:
                break
            self._now = Instant(max(self._now, deadline))
            self._step()
        raise DeviationError("the broker does not stop")

    # Steps.

    def _step(self, *inputs: Input) -> None:
        """Run the broker until its effects ask for no answer."""
        pending = list(inputs)
        for _ in range(_ROUNDS_MAX):
            effects = self._broker.step(self._now, pending, wall_ns=_WALL_NS + self._now)
            pending = [answer for effect in effects for answer in self._carry_out(effect)]
            deadline = self._broker.next_deadline()
            if not pending and (deadline is None or deadline > self._now or self._is_stopped):
                return
        raise DeviationError("the broker does not come to rest")

    def _carry_out(self, effect: Effect) -> list[Input]:
        match effect:
            case Send(connection=connection):
                if connection in self._ends:
                    self._deliver(self._ends[connection], effect)
            case Close(connection, _):
                end = self._ends.pop(connection, None)
                if end is not None:
                    end.is_closed = True
                    return [Closed(connection, "closed by us")]
            case CreateFile() | Write() | TruncateFile() | RemoveFile():
                self._change_file(effect)
            case Sync(_, token):
                return self._synced(token)
            case LoadDomain(name):
                missing = DomainNotFound(f"etc/domains/{name}.json")
                return [DomainLoaded(name, self._domains.get(name) or missing)]
            case Read(token, name, ranges):
                data = self._files[name]
                return [ReadDone(token, tuple(bytes(data[s : s + n]) for s, n in ranges))]
            case Stopped():
                self._is_stopped = True
            case _:
                pass
        return []

    def _deliver(self, end: _End, effect: Send) -> None:
        if end.held or effect.after > self._durable_token:
            end.held.append(effect)
        else:
            end.received += b"".join(effect.chunks)

    def _synced(self, token: int) -> list[Input]:
        if not token:
            return []
        self._durable_token = max(self._durable_token, token)
        for end in self._ends.values():
            held, end.held = end.held, []
            for effect in held:
                self._deliver(end, effect)
        return [Synced(token)]

    def _change_file(self, effect: CreateFile | Write | TruncateFile | RemoveFile) -> None:
        match effect:
            case CreateFile(name):
                self._files[name] = bytearray()
            case Write(name, chunks):
                self._files[name] += b"".join(chunks)
            case TruncateFile(name, size):
                del self._files[name][size:]
            case RemoveFile(name):
                del self._files[name]
