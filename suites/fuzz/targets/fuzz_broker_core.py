"""Whatever one connection sends, the core raises nothing, wastes nothing, and serves the bystander.

The first byte of an input says how far the attacker's session is when the rest arrives, in pieces,
a second apart:

| byte, modulo 6 | the attacker's session                                                  |
|----------------|-------------------------------------------------------------------------|
| 0              | connected                                                               |
| 1              | negotiated                                                              |
| 2              | has the memory queue open, reading and writing, as queue id 0           |
| 3              | has a file-backed queue open whose acknowledgements wait for a sync,    |
|                | and was sent what a former broker had stored there                      |
| 4              | has a fanout queue open, writing, and reading as an app                 |
| 5              | negotiated as an operator's, for admin commands                         |

What must hold is written below, and in `broker_bench`. Accepted rejections: none; `step` turns
every fault of a peer into an answer or a closed connection of that peer.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Final

from reference_broker.wire import Put, put_event
from suites.fuzz.core.copies import copying
from suites.fuzz.oracles.broker_bench import (
    ADMIN_IDENTITY,
    ATTACKER_IDENTITY,
    MEMORY_QUEUE,
    SYNCED_QUEUE,
    BrokerBench,
    opening,
    opening_fanout,
)
from suites.fuzz.oracles.pieces import pieces

#: Bytes in front of the attacker's stream.
STAGE_BYTES: Final = 1


class Stage(IntEnum):
    """How far the attacker's session is when an input arrives."""

    CONNECTED = 0
    NEGOTIATED = 1
    MEMORY = 2
    SYNCED = 3
    FANOUT = 4
    ADMIN = 5


def _files_of_a_former_broker() -> dict[str, bytes]:
    bench = BrokerBench()
    puts = [Put(0, b"\x40" + number.to_bytes(15, "big"), b"from before") for number in (1, 2)]
    bench.attack(ATTACKER_IDENTITY + opening(SYNCED_QUEUE, 0) + put_event(puts))
    return {name: bytes(content) for name, content in bench.files.items()}


#: What was sent before, at each stage.
_STARTS: Final = {
    Stage.CONNECTED: b"",
    Stage.NEGOTIATED: ATTACKER_IDENTITY,
    Stage.MEMORY: ATTACKER_IDENTITY + opening(MEMORY_QUEUE, 0),
    Stage.SYNCED: ATTACKER_IDENTITY + opening(SYNCED_QUEUE, 0),
    Stage.FANOUT: ATTACKER_IDENTITY + opening_fanout(0),
    Stage.ADMIN: ADMIN_IDENTITY,
}
#: What the broker finds on its disk, at some.
_FILES: Final = {Stage.SYNCED: _files_of_a_former_broker()}


def test_one_input(data: bytes) -> None:
    """Attack a fresh broker with `data` and look at everybody else.

    Raises:
        Exception: the core raised it, or a statement does not hold.
    """
    bench = bench_at(Stage(data[0] % len(Stage)) if data else Stage.CONNECTED)
    for piece in pieces(data[STAGE_BYTES:]):
        bench.attack(piece)
    bench.check_harmless(len(data))


def bench_at(stage: Stage) -> BrokerBench:
    """Return a bench of its own whose attacker has come so far."""
    return _maker(stage)()


@lru_cache(maxsize=len(Stage))
def _maker(stage: Stage) -> Callable[[], BrokerBench]:
    return copying(lambda: _brought_to(stage))


def _brought_to(stage: Stage) -> BrokerBench:
    bench = BrokerBench(_FILES.get(stage, {}))
    if _STARTS[stage]:
        bench.attack(_STARTS[stage])
    return bench
