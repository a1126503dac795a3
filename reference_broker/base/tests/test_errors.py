"""Errors: who is to blame, and what the message names."""

from __future__ import annotations

import pytest

from reference_broker.base.errors import BrokerError, OperatorError, PeerError, WireError
from reference_broker.base.uri import UriError


def test_blame_decides_the_type():
    assert issubclass(WireError, PeerError)
    assert issubclass(UriError, PeerError)
    assert issubclass(PeerError, BrokerError)
    assert issubclass(OperatorError, BrokerError)
    assert not issubclass(OperatorError, PeerError)
    assert not issubclass(AssertionError, BrokerError)


def test_a_wire_error_names_field_value_rule_and_offset():
    error = WireError("PUT[2].messageWords", 7, "must be at least 9", 88)
    assert (error.field, error.value, error.rule, error.offset) == (
        "PUT[2].messageWords",
        7,
        "must be at least 9",
        88,
    )
    assert str(error) == "PUT[2].messageWords is 7 but must be at least 9 (at byte 88)"


def test_a_wire_error_is_caught_as_the_peers_fault():
    with pytest.raises(PeerError, match=r"EventHeader\.length"):
        raise WireError("EventHeader.length", 4, "must be at least 8", 0)
