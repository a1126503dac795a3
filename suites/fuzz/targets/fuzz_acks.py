"""ACK messages are as many as fit into their event, whatever lies around it, and survive encoding.

An input is the body of an ACK event. Beside what `bodies` says of their number, and `placing` of
where the body lies: the same messages, encoded anew, are the same messages, and the short way to
write those that say "stored" writes what the long way does.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.wire import (
    EVENT_HEADER_SIZE,
    AckStatus,
    AckTuple,
    Event,
    EventType,
    ack_event,
    iter_acks,
    success_acks,
)
from suites.fuzz.oracles.bodies import check_event
from suites.fuzz.oracles.placing import check_placing, unmoved

_GUID_BYTES: Final = 16


def test_one_input(data: bytes) -> None:
    """Read `data` as the body of an ACK event.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    check_event(Event(EventType.ACK, 0, data, 0, len(data)))
    acks: list[AckTuple] = check_placing(iter_acks, data, unmoved)
    encoded = ack_event(acks)
    again = list(iter_acks(encoded, EVENT_HEADER_SIZE, len(encoded)))
    assert again == acks, f"{acks} were encoded as {again}"
    if not acks:
        return
    guids = [guid for _, _, guid, _ in acks]
    assert {len(guid) for guid in guids} == {_GUID_BYTES}, guids
    queue_id = acks[0][3]
    stored = ack_event([(AckStatus.SUCCESS, 0, guid, queue_id) for guid in guids])
    short = success_acks(guids, queue_id)
    assert short == stored, f"the short way: {short.hex()}, the long way: {stored.hex()}"
