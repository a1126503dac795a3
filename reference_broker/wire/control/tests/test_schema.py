"""The table is read out of the declarations as the protocol has it."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from reference_broker.wire.control import (
    AppIdInfo,
    ClientIdentity,
    ClusterMessage,
    ControlChoice,
    ControlMessage,
    ElectorMessage,
    NegotiationMessage,
    QueueHandleParameters,
    QueueInfo,
    StateNotification,
    Status,
    StatusCategory,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
)
from reference_broker.wire.control.kinds import Kind
from reference_broker.wire.control.schema import SCHEMAS, assert_value, schema_of


def rows(message: type) -> list[tuple[int, str, Kind, bool]]:
    members = schema_of(message).members
    return [(member.id, member.name, member.kind, member.is_optional) for member in members]


def test_a_table_has_ids_names_kinds_and_options():
    assert rows(QueueHandleParameters) == [
        (0, "uri", Kind.STRING, False),
        (1, "qId", Kind.U32, False),
        (2, "subIdInfo", Kind.MESSAGE, True),
        (3, "flags", Kind.U64, False),
        (4, "readCount", Kind.I32, False),
        (5, "writeCount", Kind.I32, False),
        (6, "adminCount", Kind.I32, False),
    ]
    assert rows(ControlMessage) == [
        (0, "rId", Kind.I32, True),
        (1, "choice", Kind.CHOICE, False),
    ]
    assert rows(Subscription) == [
        (0, "sId", Kind.U32, False),
        (1, "expression", Kind.MESSAGE, False),
        (2, "consumers", Kind.ARRAY, False),
    ]
    assert rows(AppIdInfo) == [
        (0, "appId", Kind.STRING, False),
        (1, "appKey", Kind.BYTES, False),
    ]


def test_members_point_to_what_is_inside_them():
    assert schema_of(QueueHandleParameters).by_id[2].schema is schema_of(SubQueueIdInfo)
    assert schema_of(StreamParameters).by_name["subscriptions"].schema is schema_of(Subscription)
    assert schema_of(QueueInfo).by_name["appIds"].schema is schema_of(AppIdInfo)
    assert schema_of(Status).by_name["category"].enumeration is StatusCategory


def alternatives(message: type) -> dict[int, str]:
    member = schema_of(message).choice
    assert member is not None
    assert member.choice is not None
    return {number: each.name for number, each in member.choice.by_id.items()}


def test_choices_have_the_peers_ids_and_names():
    assert alternatives(ControlMessage) == {
        0: "status",
        1: "disconnect",
        2: "disconnectResponse",
        7: "adminCommand",
        8: "adminCommandResponse",
        9: "clusterMessage",
        10: "openQueue",
        11: "openQueueResponse",
        12: "closeQueue",
        13: "closeQueueResponse",
        14: "configureQueueStream",
        15: "configureQueueStreamResponse",
        16: "configureStream",
        17: "configureStreamResponse",
    }
    cluster = alternatives(ClusterMessage)
    assert set(cluster) == set(range(30)) - {17, 18, 19}
    assert (cluster[20], cluster[28]) == ("queueUnAssignmentAdvisory", "clusterStateFSMMessage")
    assert alternatives(StateNotification) == {0: "leaderPassive"}
    assert alternatives(ElectorMessage)[7] == "leadershipCessionNotification"


def test_only_negotiation_and_authentication_are_choices_at_the_top():
    names = {schema.message.__name__ for schema in SCHEMAS.values() if schema.is_choice}
    assert names == {"NegotiationMessage", "AuthenticationMessage"}


def test_defaults_are_those_of_the_schema():
    identity = ClientIdentity()
    assert (identity.protocol_version, identity.sdk_version, identity.session_id) == (0, 999_999, 1)
    assert (identity.cluster_node_id, identity.user_agent) == (-1, "")
    assert SubQueueIdInfo().app_id == StreamParameters().app_id == "__default"
    assert all(schema.message() == schema.message() for schema in SCHEMAS.values())


def test_the_table_names_every_attribute_once():
    for schema in SCHEMAS.values():
        attributes = [member.attribute for member in schema.members]
        assert attributes == [declared.name for declared in fields(schema.message)]
        assert [member.id for member in schema.members] == list(range(len(schema.members)))


def test_the_choice_of_the_annotation_is_the_choice_of_the_table():
    choice = schema_of(ControlMessage).by_id[1].choice
    assert choice is not None
    assert len(get_args(ControlChoice)) == len(choice.by_type) == 14
    assert schema_of(NegotiationMessage).choice is not None


def test_another_type_has_no_table():
    with pytest.raises(AssertionError, match="int is not a control message type"):
        schema_of(int)


@pytest.mark.parametrize(
    ("message", "name", "value"),
    [
        (QueueHandleParameters, "qId", -1),
        (QueueHandleParameters, "qId", 2**32),
        (QueueHandleParameters, "readCount", 2**31),
        (QueueHandleParameters, "qId", True),
        (QueueHandleParameters, "qId", "1"),
        (QueueHandleParameters, "uri", b"bytes"),
        (QueueHandleParameters, "subIdInfo", Status()),
        (AppIdInfo, "appKey", "text"),
        (Status, "category", 0),
    ],
)
def test_a_wrong_value_is_our_fault(message, name, value):
    with pytest.raises(AssertionError, match=name):
        assert_value(schema_of(message).by_name[name], value)
