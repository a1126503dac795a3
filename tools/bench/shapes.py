"""Shapes of load: how many queues, and who reads each; and the domains that they need."""

from __future__ import annotations

from typing import Final, NamedTuple

from suites.harness.topology import (
    BROADCAST_DOMAIN,
    FILE_DOMAIN,
    MEM_DOMAIN,
    STRONG_DOMAIN,
    DomainShape,
)

_APP_IDS: Final = ("a", "b", "c", "d", "e")
_FANOUT: Final = DomainShape(mode="fanout", app_ids=_APP_IDS)
_FANOUT_DOMAIN: Final = "bench.fanout"
_FANOUT_FILE_DOMAIN: Final = "bench.fanout.file"

#: Domains that the harness's topology does not have.
DOMAINS: Final = {
    _FANOUT_DOMAIN: _FANOUT,
    _FANOUT_FILE_DOMAIN: _FANOUT._replace(storage="fileBacked"),
}


class Shape(NamedTuple):
    """A load.

    Attributes:
        domain: where the queues are.
        batch: messages per event.
        queues: each with one producer.
        readers: of each queue, the app of each; empty for the one of a domain without apps.
        confirms: whether what is read is confirmed.
    """

    domain: str
    batch: int
    queues: int = 1
    readers: tuple[str, ...] = ("",)
    confirms: bool = True

    @property
    def title(self) -> str:
        """How many queues, producers and consumers."""
        return f"{self.queues}Q {self.queues}P {self.queues * len(self.readers)}C"


def shapes(queues: int) -> tuple[Shape, ...]:
    """Return the loads to measure.

    Args:
        queues: of the load with many.
    """
    ones = [
        Shape(domain, batch)
        for domain in (MEM_DOMAIN, FILE_DOMAIN, STRONG_DOMAIN)
        for batch in (1, 100)
    ]
    return (
        *ones,
        Shape(_FANOUT_DOMAIN, 100, readers=_APP_IDS),
        Shape(_FANOUT_FILE_DOMAIN, 100, readers=_APP_IDS),
        Shape(BROADCAST_DOMAIN, 100, readers=("",) * 10, confirms=False),
        Shape(MEM_DOMAIN, 10, queues=queues),
        Shape(FILE_DOMAIN, 10, queues=queues),
    )
