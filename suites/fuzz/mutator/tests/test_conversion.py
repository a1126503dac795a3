from __future__ import annotations

from reference_broker.wire import EventType
from reference_broker.wire.control import ControlMessage, Disconnect, Encoding, encode_message
from suites.fuzz.mutator import conversion
from suites.fuzz.mutator.conversion import other_encoding

MESSAGE = ControlMessage(r_id=3, choice=Disconnect())
BER, JSON = (encode_message(MESSAGE, encoding) for encoding in (Encoding.BER, Encoding.JSON))


def test_a_message_changes_its_encoding():
    assert other_encoding(BER, EventType.CONTROL, is_json=False) == JSON
    assert other_encoding(JSON, EventType.CONTROL, is_json=True) == BER


def test_what_says_nothing_stays():
    assert other_encoding(b"\x30\x80\0\0", EventType.CONTROL, is_json=False) is None
    assert other_encoding(b"noise", EventType.AUTHENTICATION, is_json=True) is None
    assert other_encoding(BER, EventType.PUT, is_json=False) is None


def test_a_codec_with_a_defect_does_not_end_the_mutation(monkeypatch):
    def defect(*_arguments):
        raise KeyError("defect")

    monkeypatch.setattr(conversion, "decode_message", defect)
    assert other_encoding(BER, EventType.CONTROL, is_json=False) is None
