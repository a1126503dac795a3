"""CONFIRM messages are as many as fit into their event, whatever lies around it, and survive encoding.

An input is the body of a CONFIRM event. Beside what `bodies` says of their number, and `placing` of
where the body lies: the same messages, encoded anew, are the same messages, and the short way to
write those of one stream writes what the long way does.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from reference_broker.wire import (
    EVENT_HEADER_SIZE,
    ConfirmTuple,
    Event,
    EventType,
    confirm_event,
    confirm_guids,
    iter_confirms,
)
from suites.fuzz.oracles.bodies import check_event
from suites.fuzz.oracles.placing import check_placing, unmoved


def test_one_input(data: bytes) -> None:
    """Read `data` as the body of a CONFIRM event.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    check_event(Event(EventType.CONFIRM, 0, data, 0, len(data)))
    confirms: list[ConfirmTuple] = check_placing(iter_confirms, data, unmoved)
    encoded = confirm_event(confirms)
    again = list(iter_confirms(encoded, EVENT_HEADER_SIZE, len(encoded)))
    assert again == confirms, f"{confirms} were encoded as {again}"
    if confirms:
        queue_id, _, sub_id = confirms[0]
        guids = [guid for _, guid, _ in confirms]
        short = confirm_guids(guids, queue_id, sub_id)
        long = confirm_event([(queue_id, guid, sub_id) for guid in guids])
        assert short == long, f"the short way: {short.hex()}, the long way: {long.hex()}"
