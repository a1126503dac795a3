"""What a broker must be able to do for the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from suites.integration.model.plan import Plan


class Driver(Protocol):
    """One broker, driven by bytes.

    Attributes:
        has_time: whether time moves only when it is told to.
        has_lives: whether the broker can be stopped, killed and started again.
        is_configurable: whether domains can be configured anew.
        is_strict: whether the broker refuses messages whose checksum or compression is wrong, which
            the peer does not look at.
        heartbeat_s: between two heartbeats, in seconds.
        heartbeats_max: that many may be missed.
        rounds: how many heartbeats go round on each connection until the broker has done all that
            it had to do.
        quiet_s: how long nothing must come then, seconds.
    """

    has_time: bool
    has_lives: bool
    is_configurable: bool
    is_strict: bool
    heartbeat_s: int
    heartbeats_max: int
    rounds: int
    quiet_s: float

    @property
    def now(self) -> int:
        """The time in nanoseconds."""

    def begin(self, plans: Sequence[Plan]) -> list[tuple[str, Plan]]:
        """Begin anew; returns name and configuration of domains that are as near as possible."""

    def queue_name(self, number: int) -> str:
        """Return a name for a queue, which nobody has used."""

    def configure(self, name: str, plan: Plan) -> None:
        """Change the configuration of a domain, of which the broker must be told."""

    def connect(self, slot: int) -> None:
        """Open a client's connection."""

    def send(self, slot: int, chunks: Sequence[bytes]) -> None:
        """Send bytes on a connection, each of the chunks by itself."""

    def take(self, slot: int) -> bytes:
        """Return what came on a connection since the last call."""

    def is_closed(self, slot: int) -> bool:
        """Return whether the broker has closed a connection."""

    def close(self, slot: int) -> None:
        """Close a connection without a word."""

    def wait(self, seconds: float) -> bool:
        """Wait until something came on any connection, and tell whether it did."""

    def advance(self, seconds: int, pump: Callable[[], None]) -> None:
        """Let time pass, with `pump` called whenever something came."""

    def restart(self, *, is_graceful: bool) -> None:
        """End the broker and start it again; all connections are gone."""

    def end(self) -> None:
        """Be done with the program."""
