"""What the broker makes of identities."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import PeerError
from reference_broker.session import (
    Acceptance,
    BrokerFacts,
    SessionKind,
    negotiate,
)
from reference_broker.wire import Features
from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    ClientLanguage,
    ClientType,
    NegotiationMessage,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.features import BROKER_FEATURES
from reference_broker.wire.tests.recorded import read

CPP, JAVA, OTHER = ClientLanguage.E_CPP, ClientLanguage.E_JAVA, ClientLanguage.E_UNKNOWN
FACTS = BrokerFacts(
    host_name="here",
    process_name="broker",
    pid=7,
    heartbeat_interval_ms=500,
    heartbeat_misses_max=4,
)


def identity(**members: Any) -> ClientIdentity:
    return ClientIdentity(
        **{"protocol_version": 1, "client_type": ClientType.E_TCPCLIENT, **members}
    )


def judged(**members: Any) -> Acceptance:
    return negotiate(identity(**members), "10.0.0.1:99", FACTS, 3)[1]


@pytest.mark.parametrize(
    "message",
    [
        None,
        BrokerResponse(),
        identity(client_type=ClientType.E_UNKNOWN),
    ],
)
def test_an_impossible_peer_gets_no_answer(message: object):
    with pytest.raises(PeerError, match="negotiation: "):
        negotiate(message, "peer", FACTS, 1)


@pytest.mark.parametrize(
    ("language", "version", "is_established", "is_deprecated"),
    [
        (CPP, 10_499, False, True),
        (CPP, 10_500, True, True),
        (CPP, 10_899, True, True),
        (CPP, 10_900, True, False),
        (CPP, 999_999, True, False),
        (JAVA, 1, False, True),
        (JAVA, 2, True, False),
        (OTHER, 0, True, False),
        (OTHER, -1, True, False),
        (OTHER, -(2**31), True, False),
    ],
)
def test_versions(
    language: ClientLanguage, version: int, *, is_established: bool, is_deprecated: bool
):
    acceptance = judged(sdk_language=language, sdk_version=version)
    assert acceptance.is_established is is_established
    assert acceptance.response.is_deprecated_sdk is is_deprecated
    assert acceptance.close_reason == ""
    category = acceptance.response.result.category
    assert (category is StatusCategory.E_SUCCESS) is is_established


def test_a_version_that_is_too_old_is_named_with_the_minimum():
    result = judged(sdk_version=10_400).response.result
    assert (result.category, result.code) == (StatusCategory.E_NOT_SUPPORTED, -1)
    assert "10400" in result.message
    assert "10500" in result.message


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({}, SessionKind.CLIENT),
        ({"client_type": ClientType.E_TCPBROKER}, SessionKind.CLIENT),
        ({"client_type": ClientType.E_TCPADMIN}, SessionKind.ADMIN),
        ({"client_type": ClientType.E_TCPADMIN, "cluster_name": "c"}, SessionKind.ADMIN),
    ],
)
def test_clients_and_operators_are_served(members: dict[str, Any], kind: SessionKind):
    acceptance = judged(**members)
    assert acceptance.kind is kind
    assert (acceptance.is_established, acceptance.close_reason) == (True, "")
    assert acceptance.response.result.category is StatusCategory.E_SUCCESS


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"cluster_name": "c"}, SessionKind.PROXY),
        ({"cluster_name": "c", "cluster_node_id": 2}, SessionKind.CLUSTER_MEMBER),
    ],
)
def test_brokers_are_refused(members: dict[str, Any], kind: SessionKind):
    acceptance = judged(**members)
    assert (acceptance.kind, acceptance.is_established) == (kind, False)
    assert acceptance.response.result.category is StatusCategory.E_REFUSED
    assert acceptance.response.result.message == acceptance.close_reason
    assert "Connection not authorized" in acceptance.close_reason


@pytest.mark.parametrize("version", [0, 1, 2, 999_999])
def test_the_protocol_version_is_not_looked_at(version: int):
    acceptance = judged(protocol_version=version)
    assert acceptance.is_established
    assert acceptance.response.protocol_version == 1


def test_an_empty_host_name_becomes_the_address():
    completed, _ = negotiate(identity(), "10.0.0.1:99", FACTS, 1)
    assert completed.host_name == "10.0.0.1:99"
    kept, _ = negotiate(identity(host_name="box"), "10.0.0.1:99", FACTS, 1)
    assert kept.host_name == "box"


def test_the_answer_says_who_we_are():
    response = judged().response
    found = response.broker_identity
    assert (response.protocol_version, response.broker_version) == (1, 999_999)
    assert (response.heartbeat_interval_ms, response.max_missed_heartbeats) == (500, 4)
    assert (found.client_type, found.session_id, found.pid) == (ClientType.E_TCPBROKER, 3, 7)
    assert (found.host_name, found.process_name) == ("here", "broker")
    assert (found.features, found.cluster_name, found.cluster_node_id) == (BROKER_FEATURES, "", -1)
    assert found.user_agent == "bmqbrkr:99.99.99"


def test_the_answer_has_the_shape_of_the_real_brokers():
    data = read("real_b2c_brokerResponse")
    theirs = decode_message(NegotiationMessage, 0, data[8:]).choice
    assert isinstance(theirs, BrokerResponse)
    ours = judged().response
    assert ours.broker_identity.features == theirs.broker_identity.features
    assert ours.broker_identity.guid_info == theirs.broker_identity.guid_info
    assert ours.broker_version == theirs.broker_version


@pytest.mark.parametrize(
    ("features", "speaks"),
    [
        ("MPS:MESSAGE_PROPERTIES_EX", True),
        ("PROTOCOL_ENCODING:BER;MPS:MESSAGE_PROPERTIES_EX", True),
        ("", False),
        ("MPS:OTHER", False),
        ("mps:MESSAGE_PROPERTIES_EX", False),
    ],
)
def test_who_reads_new_style_properties(features: str, *, speaks: bool):
    assert Features.parse(features).message_properties_ex is speaks
