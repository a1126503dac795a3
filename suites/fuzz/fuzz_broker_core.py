"""Whatever one connection sends, the core raises nothing, wastes nothing, and serves the bystander.

The first byte of an input says how far the attacker's session is when the rest arrives, in pieces,
a second apart:

| byte, modulo 4 | the attacker's session                                                  |
|----------------|-------------------------------------------------------------------------|
| 0              | connected                                                               |
| 1              | negotiated                                                              |
| 2              | has the memory queue open, reading and writing, as queue id 0           |
| 3              | has a file-backed queue open whose acknowledgements wait for a sync     |

What must hold is written below, and in `broker_bench`. Accepted rejections: none; `step` turns
every fault of a peer into an answer or a closed connection of that peer.
"""

from __future__ import annotations

import pickle
from typing import Final

from reference_broker.wire import EventReader
from suites.fuzz.broker_bench import (
    ATTACKER,
    ATTACKER_IDENTITY,
    MEMORY_QUEUE,
    SYNCED_QUEUE,
    BrokerBench,
    opening,
)
from suites.fuzz.pieces import pieces

#: Bytes in front of the attacker's stream.
STAGE_BYTES: Final = 1

_STAGES: Final = (
    b"",
    ATTACKER_IDENTITY,
    ATTACKER_IDENTITY + opening(MEMORY_QUEUE, 0),
    ATTACKER_IDENTITY + opening(SYNCED_QUEUE, 0),
)
# Records in the log: no event of less than a header's 8 bytes causes any, and one causes two.
_LOG_RECORDS_FREE: Final = 24
_BYTES_PER_LOG_RECORD: Final = 4
# A 28-byte message can be delivered again with each request to take it back.
_SENT_BYTES_MAX: Final = 32 * 1024 * 1024


def test_one_input(data: bytes) -> None:
    """Attack a fresh broker with `data` and look at everybody else.

    Raises:
        Exception: the core raised it, or a statement does not hold.
    """
    bench = _bench_at(data[0] % len(_STAGES) if data else 0)
    for piece in pieces(data[STAGE_BYTES:]):
        bench.attack(piece)
    _check_answers(bench.take_sent(ATTACKER))
    bench.check_bystander()
    bench.hang_up()
    most = _LOG_RECORDS_FREE + len(data) // _BYTES_PER_LOG_RECORD
    assert bench.log_count <= most, f"{len(data)} bytes caused {bench.log_count} log records"


def _snapshot(stage: bytes) -> bytes:
    bench = BrokerBench()
    if stage:
        bench.attack(stage)
    return pickle.dumps(bench)


# A core is nothing but state, so a copy of it is as good as one that came the same way, and costs
# a fraction.
_SNAPSHOTS: Final = tuple(_snapshot(stage) for stage in _STAGES)


def _bench_at(stage: int) -> BrokerBench:
    bench = pickle.loads(_SNAPSHOTS[stage])
    assert isinstance(bench, BrokerBench)
    return bench


def _check_answers(sent: bytes) -> None:
    """Check that what the attacker is sent is bounded and made of whole events."""
    assert len(sent) <= _SENT_BYTES_MAX, f"{len(sent)} bytes were sent"
    reader = EventReader(_SENT_BYTES_MAX)
    for _ in reader.feed(sent):
        pass
    assert not reader.buffered_bytes, f"{reader.buffered_bytes} bytes of an unfinished event sent"
