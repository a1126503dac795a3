from __future__ import annotations

import pytest

from reference_broker.base import WireError
from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.wire import EventReader
from reference_broker.wire.control import ControlMessage, Disconnect, Encoding, encode_message
from reference_broker.wire.options import Options, SubQueueInfo
from suites.fuzz.oracles import bodies
from suites.fuzz.seeds.recorded import event_reader_seeds
from suites.fuzz.tests.planting import changed, raising, returning, shifted

SEEDS = event_reader_seeds()


def check(name: str) -> None:
    """Check the bodies of a seed."""
    for event in EventReader(EVENT_BYTES_MAX).feed(SEEDS[name]):
        bodies.check_event(event)


OUTSIDE = WireError("field", 1, "rule", 10_000)


@pytest.mark.parametrize(
    ("seed", "door", "defect"),
    [
        ("c2b_put_old_plain_hello_ack", "iter_puts", shifted(10, 4)),
        ("c2b_put_old_plain_hello_ack", "iter_puts", shifted(9, 4)),
        ("c2b_put_old_plain_hello_ack", "iter_puts", shifted(8, 4)),
        ("c2b_put_old_plain_hello_ack", "iter_puts", shifted(6, -8)),
        ("c2b_put_retransmission_batch", "iter_puts", lambda puts: list(puts)[:-1]),
        ("c2b_put_retransmission_batch", "iter_puts", lambda puts: list(puts)[1:]),
        ("b2c_push_two_messages", "iter_pushes", shifted(8, 4)),
        ("b2c_push_two_messages", "iter_pushes", shifted(5, -8)),
        ("b2c_push_two_messages", "iter_pushes", lambda pushes: list(pushes)[:-1]),
        ("b2c_ack_batch", "iter_acks", lambda acks: list(acks) * 2),
        ("c2b_confirm_default_app", "iter_confirms", lambda confirms: list(confirms) * 2),
        ("real_bb_reject", "iter_confirms", lambda confirms: list(confirms) * 9),
        ("put_zlib_bomb", "decompress", None),
        ("put_properties_new", "convert_to_old_style", lambda data: data + b"\0"),
        ("put_properties_new", "decode_properties", returning({})),
        ("put_properties_old", "encode_properties", lambda data: data[:-8] + b"????\4\4\4\4"),
        ("push_all_options", "decode_options", returning(Options((SubQueueInfo(0),) * 99))),
    ],
    ids=[str(number) for number in range(17)],
)
def test_a_broken_decoder_is_found_out(monkeypatch, seed, door, defect):
    check(seed)
    if defect is None:
        monkeypatch.setattr(bodies, door, returning(bytes(bodies.INFLATED_BYTES_MAX + 1)))
    else:
        monkeypatch.setattr(bodies, door, changed(getattr(bodies, door), defect))
    with pytest.raises((AssertionError, WireError)):
        check(seed)


@pytest.mark.parametrize(
    ("seed", "door"),
    [
        ("c2b_put_old_plain_hello_ack", "iter_puts"),
        ("b2c_push_two_messages", "iter_pushes"),
        ("b2c_ack_batch", "iter_acks"),
        ("c2b_confirm_default_app", "iter_confirms"),
        ("push_all_options", "decode_options"),
        ("put_properties_old", "decode_properties"),
        ("put_zlib_bomb", "decompress"),
        ("c2b_disconnect", "decode_message"),
        ("authentication_ber", "decode_message"),
        ("real_bb_elector_leaderHeartbeat", "decode_message"),
    ],
)
@pytest.mark.parametrize("error", [OUTSIDE, IndexError("index out of range")], ids=type)
def test_a_wrong_rejection_is_found_out(monkeypatch, seed, door, error):
    monkeypatch.setattr(bodies, door, raising(error))
    with pytest.raises((AssertionError, IndexError)):
        check(seed)


def test_a_message_that_does_not_survive_its_encoding_is_found_out(monkeypatch):
    other = encode_message(ControlMessage(r_id=99, choice=Disconnect()), Encoding.BER)
    monkeypatch.setattr(bodies, "encode_message", returning(other))
    with pytest.raises(AssertionError):
        check("c2b_openQueue_write_only")
