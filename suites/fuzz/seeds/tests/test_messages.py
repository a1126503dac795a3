from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import WireError
from reference_broker.wire import EventType, decompress, iter_puts
from reference_broker.wire.control import Encoding, decode_message
from reference_broker.wire.properties import decode_properties
from suites.fuzz.oracles.bodies import MESSAGE_TYPES
from suites.fuzz.seeds import messages as seed_messages


def test_bodies_of_recorded_events_are_seeds():
    seeds = seed_messages.put_seeds()
    assert len(seeds) > 20
    body = seeds["c2b_put_retransmission_batch"]
    assert len(list(iter_puts(body, 0, len(body)))) > 1
    assert seed_messages.body_seeds(EventType.REJECT)


@pytest.mark.parametrize("is_new_style", [False, True])
def test_areas_hold_properties_of_their_style(is_new_style):
    seeds = (
        seed_messages.new_properties_seeds()
        if is_new_style
        else seed_messages.old_properties_seeds()
    )
    for name, data in seeds.items():
        if name in {"no_utf8", "cut_off"}:
            with pytest.raises(WireError):
                decode_properties(data, new_style=is_new_style)
        else:
            assert decode_properties(data, new_style=is_new_style)


def test_streams_inflate():
    assert decompress(seed_messages.compression_seeds()["text"]).startswith(b"the same")
    assert any(name.startswith("c2b_") for name in seed_messages.compression_seeds())


@pytest.mark.parametrize(
    ("encoding", "seeds"),
    [
        (Encoding.BER, seed_messages.control_ber_seeds()),
        (Encoding.JSON, seed_messages.control_json_seeds()),
    ],
)
def test_control_messages_of_every_kind_are_seeds(encoding, seeds):
    kinds = set()
    for data in seeds.values():
        kind: type[Any] = MESSAGE_TYPES[data[0]]
        assert decode_message(kind, encoding, data[1:]).choice is not None
        kinds.add(kind)
    assert kinds == set(MESSAGE_TYPES)


def test_both_encodings_are_seeds():
    assert {data[0] >> 7 for data in seed_messages.encodings_seeds().values()} == {0, 1}
    assert {data[0] & 1 for data in seed_messages.negotiation_seeds().values()} == {0, 1}
    assert {data[0] for data in seed_messages.authentication_seeds().values()} == {0, 1, 2, 3}
