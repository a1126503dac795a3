"""REJECT messages are as many as fit into their event, whatever lies around it, and survive encoding.

An input is the body of a REJECT event. Beside what `bodies` says of their number, and `placing` of
where the body lies: the same messages, encoded anew, are the same messages; and a rejection says
that it is about a REJECT, whose layout is that of a CONFIRM.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reference_broker.base import WireError
from reference_broker.wire import (
    EVENT_HEADER_SIZE,
    ConfirmTuple,
    Event,
    EventReader,
    EventType,
    confirm_event,
    iter_confirms,
)
from suites.fuzz.oracles.bodies import check_event
from suites.fuzz.oracles.placing import check_placing, unmoved

_NAME: Final = EventType.REJECT.name


def test_one_input(data: bytes) -> None:
    """Read `data` as the body of a REJECT event.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    check_event(Event(EventType.REJECT, 0, data, 0, len(data)))
    rejects = check_placing(_read, data, unmoved)
    encoded = confirm_event(rejects, EventType.REJECT)
    (event,) = EventReader(len(encoded)).feed(encoded)
    assert event.type == EventType.REJECT, f"REJECTs were encoded as {event}"
    again = list(_read(encoded, EVENT_HEADER_SIZE, len(encoded)))
    assert again == rejects, f"{rejects} were encoded as {again}"


def _read(buffer: bytes, start: int, end: int) -> Iterator[ConfirmTuple]:
    try:
        return iter_confirms(buffer, start, end, _NAME)
    except WireError as rejection:
        _check_name(rejection)
        raise


def _check_name(rejection: WireError) -> None:
    assert rejection.field.startswith(f"{_NAME}."), f"a {_NAME} is called {rejection.field}"
