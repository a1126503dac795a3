from __future__ import annotations

import pytest

from reference_broker.wire import EventReader
from reference_broker.wire.control import ControlMessage, Encoding, OpenQueue, decode_message
from suites.fuzz.net.changes import changes
from suites.fuzz.net.kinds import KINDS

BER, JSON = KINDS["open_queue"].forms[:2]


@pytest.mark.parametrize("event", [BER, JSON, KINDS["put"].forms[0], KINDS["confirm"].forms[1]])
def test_every_cut_and_every_bit_of_the_headers(event):
    found = {data for data, _ in changes(event)}
    assert all(event[:size] in found for size in range(1, len(event)))
    for index in range(min(len(event), 48)):
        for bit in range(8):
            flipped = bytes((event[index] ^ 1 << bit,))
            assert event[:index] + flipped + event[index + 1 :] in found


def test_labels_tell_changes_apart():
    seen: dict[str, bytes] = {}
    for data, label in changes(BER):
        assert seen.setdefault(label, data) == data, label


@pytest.mark.parametrize(("form", "encoding"), [(BER, Encoding.BER), (JSON, Encoding.JSON)])
def test_texts_are_changed_with_all_else_right(form, encoding):
    uris = set()
    for data, label in changes(form):
        if label.startswith("text long 256 "):
            (event,) = EventReader(1 << 20).feed(data)
            try:
                choice = decode_message(ControlMessage, encoding, event.body).choice
            except ValueError:
                continue  # a text in the place of a number or of an enumerator
            assert isinstance(choice, OpenQueue)
            uris.add(choice.handle_parameters.uri)
    assert "A" * 256 in uris


def test_the_order_is_fixed():
    assert list(changes(BER)) == list(changes(BER))


def test_headers_take_fewer_values_if_not_thorough():
    thorough, plain = (len(list(changes(BER, thorough=each))) for each in (True, False))
    assert plain < thorough
