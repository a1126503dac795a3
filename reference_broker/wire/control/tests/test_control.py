"""The door of the control messages: choosing the encoding, cutting the padding."""

from __future__ import annotations

import pytest

from reference_broker.base import WireError
from reference_broker.wire.control import (
    ControlMessage,
    Disconnect,
    Encoding,
    Status,
    decode_message,
    encode_message,
)

MESSAGE = ControlMessage(7, Disconnect())
BER = bytes.fromhex("3080 800107 a180 a180 0000 0000 0000")
JSON = b'{"rId":7,"disconnect":{}}'


def test_both_encodings():
    assert encode_message(MESSAGE, Encoding.BER) == BER
    assert encode_message(MESSAGE, Encoding.JSON) == JSON
    assert decode_message(ControlMessage, 0, BER) == MESSAGE
    assert decode_message(ControlMessage, 1, JSON) == MESSAGE


@pytest.mark.parametrize("as_buffer", [bytes, bytearray, memoryview])
@pytest.mark.parametrize(("encoding", "payload"), [(0, BER), (1, JSON)])
def test_any_buffer_will_do(as_buffer, encoding, payload):
    assert decode_message(ControlMessage, encoding, as_buffer(payload)) == MESSAGE


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize(("encoding", "payload"), [(0, BER), (1, JSON)])
def test_padding_is_cut(encoding, payload, count):
    assert decode_message(ControlMessage, encoding, payload + bytes([count]) * count) == MESSAGE


@pytest.mark.parametrize("padding", [b"\0", b"\1\2", b"\5\5\5\5\5", b"\4\4\4", b"\1\1"])
def test_wrong_padding_is_no_json_but_does_not_disturb_ber(padding):
    assert decode_message(ControlMessage, 0, BER + padding) == MESSAGE
    with pytest.raises(WireError):
        decode_message(ControlMessage, 1, JSON + padding)


@pytest.mark.parametrize("encoding", [2, 7])
def test_an_unknown_encoding_is_refused(encoding):
    with pytest.raises(WireError, match=rf"encoding is {encoding} but must be 0 \(BER\) or 1"):
        decode_message(ControlMessage, encoding, BER)
    with pytest.raises(WireError) as caught:
        decode_message(ControlMessage, encoding, BER, 8)
    assert caught.value.offset == 6


def test_a_message_cannot_be_written_in_an_unknown_encoding():
    assert encode_message(MESSAGE, 0) == BER  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        encode_message(MESSAGE, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", list(Encoding))
def test_an_empty_payload_is_refused(encoding):
    with pytest.raises(WireError):
        decode_message(ControlMessage, encoding, b"")
    with pytest.raises(WireError):
        decode_message(ControlMessage, encoding, b"\4\4\4\4")


def test_errors_count_from_the_beginning_of_the_event():
    with pytest.raises(WireError) as caught:
        decode_message(Status, 0, b"\x30\x80\x30\x00\x00\x00", 8)
    assert caught.value.offset == 10
