"""Heartbeats: is the peer still there?

A monitor looks once an interval. If bytes came since the last look all is well and nothing is
sent [HB-6]. Otherwise one miss is counted: below the maximum the peer is asked [HB-4], at the
maximum it is given up [HB-5]. Looks are at multiples of the interval, so that one tick serves all
peers. Until a peer has sent its first byte after the negotiation it has three minutes of grace
[HB-8].
"""

from __future__ import annotations

from enum import Enum, auto

from reference_broker.base import Duration, Instant, seconds
from reference_broker.base.limits import HANDSHAKE_SECONDS_MAX


class Heartbeat(Enum):
    """What to do after a look."""

    QUIET = auto()  # nothing
    ASK = auto()  # send HEARTBEAT_REQ
    LOST = auto()  # close the connection


class HeartbeatMonitor:
    """Watch one peer.

    Args:
        now: when the session was established.
        interval: time between two looks; 0 switches the monitor off.
        misses_max: looks in vain before the peer is given up; 0 switches the monitor off [HB-7].
    """

    __slots__ = ("_grace_until", "_heard", "_misses", "interval", "misses_max", "next_look")

    def __init__(self, now: Instant, interval: Duration, misses_max: int) -> None:
        assert interval >= 0, interval
        self.interval = interval
        self.misses_max = misses_max
        #: When to look next; None while the monitor is off.
        self.next_look: Instant | None = None
        if interval and misses_max:
            self.next_look = _tick(now + interval, interval)
        self._grace_until = now + seconds(HANDSHAKE_SECONDS_MAX)
        self._heard = False
        self._misses = 0

    def heard(self) -> None:
        """Note that bytes came."""
        self._heard = True
        self._grace_until = Instant(0)

    def look(self, now: Instant) -> Heartbeat:
        """Look, if it is time; late looks are not made up for."""
        if self.next_look is None or now < self.next_look:
            return Heartbeat.QUIET
        self.next_look = _tick(now + 1, self.interval)
        if self._heard:
            self._heard = False
            self._misses = 0
            return Heartbeat.QUIET
        self._misses += 1
        if self._misses >= self.misses_max and now >= self._grace_until:
            return Heartbeat.LOST
        return Heartbeat.ASK


def _tick(earliest: int, interval: Duration) -> Instant:
    """Return the first multiple of the interval that is not before `earliest`."""
    return Instant(-(-earliest // interval) * interval)
