"""Feature strings: the strings of the SDKs and of the broker, and what the peer makes of others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire.features import (
    BROKER_FEATURES,
    CLIENT_FEATURES,
    Features,
    format_features,
    parse_features,
)
from reference_broker.wire.tests import recorded

JAVA = "PROTOCOL_ENCODING:JSON;MPS:MESSAGE_PROPERTIES_EX"
NAMES = st.text("ABZ_", min_size=1)


def test_the_cpp_client():
    features = Features.parse(CLIENT_FEATURES)
    assert features.encodings == ("BER", "JSON")
    assert not features.wants_json
    assert features.message_properties_ex
    assert not features.configure_stream
    assert not features.graceful_shutdown


def test_the_java_client():
    features = Features.parse(JAVA)
    assert features.encodings == ("JSON",)
    assert features.wants_json
    assert features.message_properties_ex


def test_the_broker():
    features = Features.parse(BROKER_FEATURES)
    assert not features.wants_json
    assert features.message_properties_ex
    assert features.configure_stream
    assert features.graceful_shutdown
    assert features.graceful_shutdown_v2
    assert features.broadcast_to_proxies


def test_our_strings_are_the_recorded_ones():
    assert CLIENT_FEATURES.encode() in recorded.read("c2b_negotiation_clientIdentity_ber")
    assert BROKER_FEATURES.encode() in recorded.read("real_b2c_brokerResponse")


def test_a_peer_without_features():
    features = Features.parse("")
    assert features.fields == {}
    assert features.encodings == ()
    assert not features.wants_json
    assert not features.message_properties_ex


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("A", {"A": ()}),
        ("A:x", {"A": ("x",)}),
        ("A:x,y;B:z", {"A": ("x", "y"), "B": ("z",)}),
        (";;A:,x,,y,;", {"A": ("x", "y")}),
        ("A:x:y", {"A": ("x:y",)}),
        ("A:x;A:y", {"A": ("x",)}),
        ("A;A:y", {"A": ()}),
        ("A:x;B:;C:z", {"A": ("x",)}),
        (":", {}),
        ("a:X", {"a": ("X",)}),
    ],
)
def test_what_the_peer_reads(text, fields):
    assert parse_features(text) == fields


def test_names_and_values_are_compared_exactly():
    features = Features.parse("mps:MESSAGE_PROPERTIES_EX;SUBSCRIPTIONS:CONFIGURE_STREAM_2; HA:X")
    assert not features.message_properties_ex
    assert not features.configure_stream
    assert not features.has("HA", "X")
    assert features.has("mps", "MESSAGE_PROPERTIES_EX")


def test_unknown_fields_are_kept():
    text = f"{BROKER_FEATURES};NEW:THING"
    features = Features.parse(text)
    assert features.has("NEW", "THING")
    assert str(features) == text


@pytest.mark.parametrize("text", [CLIENT_FEATURES, JAVA, BROKER_FEATURES, ""])
def test_the_known_strings_are_written_as_they_were_read(text):
    assert str(Features.parse(text)) == text


@given(st.dictionaries(NAMES, st.lists(NAMES).map(tuple)))
def test_parse_undoes_format(fields):
    assert parse_features(format_features(fields)) == fields


@given(st.text() | st.text("A:;,"))
def test_any_text_is_read_and_reads_the_same_after_writing(text):
    fields = parse_features(text)
    assert all(value for values in fields.values() for value in values)
    if "" not in fields:  # a nameless field of no values cannot be written
        assert parse_features(format_features(fields)) == fields
