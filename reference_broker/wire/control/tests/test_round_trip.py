"""Any message survives both encodings, and any bytes are a message or a `WireError`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire.control import (
    AuthenticationMessage,
    ClusterMessage,
    ControlMessage,
    ElectorMessage,
    Encoding,
    NegotiationMessage,
    decode_message,
    encode_message,
)
from reference_broker.wire.control.kinds import INTEGER_BOUNDS, Kind
from reference_broker.wire.control.schema import SCHEMAS, Member, Schema, schema_of
from reference_broker.wire.control.tests import recordings

EVENT_MESSAGES = (
    ControlMessage,
    NegotiationMessage,
    AuthenticationMessage,
    ElectorMessage,
    ClusterMessage,
)

UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
ANY_OCTETS = st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@cache
def messages(schema: Schema, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Return a strategy for messages of one type, made from the table."""
    inside = {member.attribute: values(member, texts) for member in schema.members}
    return st.builds(schema.message, **inside)


def values(member: Member, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    strategy: st.SearchStrategy[Any]
    if member.kind is Kind.CHOICE:
        assert member.choice is not None
        inside = [messages(each.schema, texts) for each in member.choice.by_id.values()]
        return st.one_of(st.none(), *inside)
    if member.kind is Kind.ARRAY:
        assert member.schema is not None
        strategy = st.lists(messages(member.schema, texts), max_size=3).map(tuple)
    elif member.kind is Kind.MESSAGE:
        assert member.schema is not None
        strategy = messages(member.schema, texts)
    elif member.kind is Kind.ENUM:
        assert member.enumeration is not None
        strategy = st.sampled_from(member.enumeration)
    elif member.kind in INTEGER_BOUNDS:
        strategy = st.integers(*INTEGER_BOUNDS[member.kind])
    else:
        plain = {Kind.BOOL: st.booleans(), Kind.BYTES: st.binary(max_size=20), Kind.STRING: texts}
        strategy = plain[member.kind]
    return st.none() | strategy if member.is_optional else strategy


@pytest.mark.parametrize("message_type", SCHEMAS, ids=lambda each: each.__name__)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_ber_gives_back_what_was_put_in(message_type, data):
    message = data.draw(messages(schema_of(message_type), ANY_OCTETS))
    payload = encode_message(message, Encoding.BER)
    assert decode_message(message_type, Encoding.BER, payload) == message
    assert decode_message(message_type, Encoding.BER, recordings.pad(payload)) == message


@pytest.mark.parametrize("message_type", SCHEMAS, ids=lambda each: each.__name__)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_json_gives_back_what_was_put_in(message_type, data):
    message = data.draw(messages(schema_of(message_type), UNICODE))
    payload = encode_message(message, Encoding.JSON)
    assert decode_message(message_type, Encoding.JSON, payload) == message
    assert decode_message(message_type, Encoding.JSON, recordings.pad(payload)) == message


@pytest.mark.parametrize("message_type", EVENT_MESSAGES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_all_alternatives_survive_both(message_type, data):
    message = data.draw(messages(schema_of(message_type), UNICODE))
    for encoding in Encoding:
        assert decode_message(message_type, encoding, encode_message(message, encoding)) == message


def decode_or_refuse(message_type: type[Any], encoding: Encoding, payload: bytes) -> None:
    """Decode; whatever is accepted has a form of its own that means the same."""
    message: object = None
    refusal = None
    try:
        message = decode_message(message_type, encoding, payload)
    except WireError as error:
        refusal = error
    if refusal is None:
        again = encode_message(message, encoding)
        assert decode_message(message_type, encoding, again) == message
    else:
        assert 0 <= refusal.offset <= len(payload), refusal


@pytest.mark.parametrize("encoding", list(Encoding))
@settings(max_examples=300, deadline=None)
@given(message_type=st.sampled_from(EVENT_MESSAGES), payload=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(encoding, message_type, payload):
    decode_or_refuse(message_type, encoding, payload)


# Octets that mean something in BER.
OCTETS = st.sampled_from(
    bytes.fromhex("00 01 02 0a 1f 30 7f 80 81 82 84 85 8b 9f a0 a1 a9 aa bf ff")
)


@settings(max_examples=300, deadline=None)
@given(message_type=st.sampled_from(EVENT_MESSAGES), body=st.lists(OCTETS, max_size=100))
def test_plausible_octets_are_decoded_or_refused(message_type, body):
    decode_or_refuse(message_type, Encoding.BER, b"\x30\x80" + bytes(body))


@settings(max_examples=500, deadline=None)
@given(
    event=st.sampled_from(recordings.SCHEMA_EVENTS),
    edits=st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 4), st.binary(max_size=4)), max_size=4
    ),
)
def test_recorded_messages_with_damage_are_decoded_or_refused(event, edits):
    payload = bytearray(event.payload)
    for at, removed, inserted in edits:
        start = at % (len(payload) + 1)
        payload[start : start + removed] = inserted
    decode_or_refuse(event.message_type, event.encoding, bytes(payload))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rId", "openQueue", "handleParameters", "uri", "x"]), inner
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(message_type=st.sampled_from(EVENT_MESSAGES), tree=JSON_VALUES)
def test_any_json_is_decoded_or_refused(message_type, tree):
    decode_or_refuse(message_type, Encoding.JSON, json.dumps(tree).encode())
