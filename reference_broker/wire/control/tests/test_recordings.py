"""Every recorded message decodes, and encodes to the same bytes again, with a list of exceptions."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.wire.control import (
    ClientIdentity,
    ClusterMessage,
    Encoding,
    decode_message,
    encode_message,
)
from reference_broker.wire.control.tests import recordings
from reference_broker.wire.control.tests.recordings import Recorded

# SDK 1.2.2 was built before ClientIdentity had `userAgent` and leaves it out; we write it always, as
# the current peer does.
IDENTITIES_WITHOUT_USER_AGENT = frozenset(
    {
        "c2b_negotiation_clientIdentity_ber",
        "real_session_broadcast:1C",
        "real_session_errors:1C",
        "real_session_fanout:1C",
        "real_session_priority:1C",
        "real_session_strong:1C",
        "session_ack_status_codes:1C",
        "session_configure_refused:1C",
        "session_heartbeat_and_unexpected_events:1C",
        "session_json_control_messages:1C",
        "session_minimal_broker_response:1C",
        "session_negotiation_refused:1C",
        "session_new_style_open_configure_close:1C",
        "session_old_style_open_put_close:1C",
        "session_open_refused:1C",
        "session_open_timeout:1C",
        "session_push_confirm_new_style:1C",
        "session_push_confirm_old_style:1C",
        "session_reconnect_retransmit:1C",
        "session_reconnect_retransmit:15C",
    }
)

# Written by hand with most members left out, to find out what the SDK does without them.
BER_BY_HAND = frozenset(
    {
        "b2c_negotiation_brokerResponse_minimal",
        "b2c_negotiation_brokerResponse_refused",
        "session_minimal_broker_response:2B",
        "session_negotiation_refused:2B",
    }
)

# Written by hand in a JSON library's own style: `/` without a backslash; nothing else differs.
PLAIN_SLASHES = frozenset(
    {
        "b2c_openQueueResponse_json",
        "real_session_json_correlation_mode:3C",
        "real_session_json_correlation_mode:12C",
        "session_json_control_messages:4B",
    }
)

# Written by hand in JSON with an unknown member, an empty array, or members left out.
JSON_BY_HAND = frozenset(
    {
        "b2c_negotiation_brokerResponse_json",
        "real_session_json_correlation_mode:1C",
        "real_session_json_correlation_mode:10C",
        "session_json_control_messages:2B",
    }
)

EXCEPTIONS = IDENTITIES_WITHOUT_USER_AGENT | BER_BY_HAND | PLAIN_SLASHES | JSON_BY_HAND

BY_NAME = {event.name: event for event in recordings.SCHEMA_EVENTS}


def decode(event: Recorded) -> Any:
    return decode_message(event.message_type, event.encoding, event.payload, 8)


def encode_again(event: Recorded) -> bytes:
    """Return the payload as we write it, padded."""
    return recordings.pad(encode_message(decode(event), event.encoding))


def test_the_recordings_are_there():
    kinds = {(event.event_type, event.encoding) for event in recordings.SCHEMA_EVENTS}
    assert kinds == {
        (recordings.CONTROL, Encoding.BER),
        (recordings.CONTROL, Encoding.JSON),
        (recordings.ELECTOR, Encoding.BER),
        (recordings.AUTHENTICATION, Encoding.BER),
    }
    assert len(recordings.SCHEMA_EVENTS) == 895


@pytest.mark.parametrize(
    "event",
    [event for event in recordings.SCHEMA_EVENTS if event.name not in EXCEPTIONS],
    ids=lambda event: event.name,
)
def test_a_recorded_message_encodes_to_the_same_bytes(event: Recorded):
    message = decode(event)
    assert message.choice is not None
    assert encode_again(event) == event.payload


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_an_exception_is_needed_and_harmless(name):
    event = BY_NAME[name]
    again = encode_again(event)
    assert again != event.payload
    assert decode_message(event.message_type, event.encoding, again) == decode(event)


@pytest.mark.parametrize("name", sorted(IDENTITIES_WITHOUT_USER_AGENT))
def test_an_identity_of_the_old_sdk_lacks_the_user_agent_only(name):
    event = BY_NAME[name]
    message = decode(event)
    assert isinstance(message.choice, ClientIdentity)
    empty_user_agent, ends = b"\x8c\x00", b"\0\0\0\0\0\0"
    encoded = encode_message(message, Encoding.BER)
    assert encoded.endswith(empty_user_agent + ends)
    assert event.payload == recordings.pad(encoded[: -len(empty_user_agent + ends)] + ends)


@pytest.mark.parametrize("name", sorted(PLAIN_SLASHES))
def test_json_by_hand_differs_in_its_slashes_only(name):
    event = BY_NAME[name]
    text = event.payload[: -event.payload[-1]]
    assert encode_message(decode(event), Encoding.JSON) == text.replace(b"/", b"\\/")


@pytest.mark.parametrize("event", recordings.CLUSTER_STATE_EVENTS, ids=lambda event: event.name)
def test_a_ledger_record_holds_a_bare_cluster_message(event):
    # 32 bytes of record header, the message, its padding, 4 bytes of CRC.
    record = event.payload[32:]
    message = decode_message(ClusterMessage, Encoding.BER, record)
    assert message.choice is not None
    assert record.startswith(recordings.pad(encode_message(message, Encoding.BER)))


@pytest.mark.parametrize(
    "name", ["ref_ber_clusterMessage_leaderAdvisory", "ref_ber_clusterMessage_leaderAdvisoryAck"]
)
def test_a_bare_cluster_message_encodes_to_the_same_bytes(name):
    data = recordings.read_hex(name)
    assert encode_message(decode_message(ClusterMessage, Encoding.BER, data), Encoding.BER) == data


@pytest.mark.parametrize("name", sorted(recordings.json_samples()))
def test_the_peers_json_and_ber_are_the_same_message(name):
    text = recordings.json_samples()[name].encode()
    if name.startswith("clusterMessage_"):
        message_type: type[Any] = ClusterMessage
        ber = recordings.read_hex(f"ref_ber_{name}")
    else:
        event = BY_NAME[f"ref_event_{name}"]
        message_type = event.message_type
        ber = event.payload
    from_ber = decode_message(message_type, Encoding.BER, ber)
    from_json = decode_message(message_type, Encoding.JSON, text)
    assert from_json == from_ber
    assert encode_message(from_ber, Encoding.JSON) == text
    again = encode_message(from_json, Encoding.BER)
    assert ber in {again, recordings.pad(again)}
