"""BER: the peer's form is written, and what its decoder takes or refuses is taken or refused."""

from __future__ import annotations

import pytest

from reference_broker.base import WireError, limits
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    AuthenticationResponse,
    BrokerResponse,
    ClientIdentity,
    CloseQueue,
    ClusterMessage,
    ConfigureStream,
    ConsumerInfo,
    ControlMessage,
    Disconnect,
    ElectorMessage,
    LeaderHeartbeat,
    NegotiationMessage,
    NodeStatusAdvisory,
    OpenQueue,
    QueueHandleParameters,
    Status,
    StatusCategory,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
)
from reference_broker.wire.control.ber import decode, encode

END = "0000"


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def refused(message_type: type, text: str) -> WireError:
    with pytest.raises(WireError) as caught:
        decode(message_type, octets(text))
    return caught.value


# --- The encoder


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Status(), "3080 800100 810100 8200 0000"),
        (Status(StatusCategory.E_REFUSED, -1, "no"), "3080 8001fa 8101ff 82026e6f 0000"),
        (ControlMessage(3, Disconnect()), "3080 800103 a180 a180 0000 0000 0000"),
        (ControlMessage(None, Disconnect()), "3080 a180 a180 0000 0000 0000"),
        (ControlMessage(3), "3080 800103 a180 0000 0000"),
        (NegotiationMessage(), "3080 a080 0000 0000"),
        (SubQueueIdInfo(128, ""), "3080 80020080 8100 0000"),
        (StreamParameters("a"), "3080 800161 a180 0000 0000"),
        (
            Subscription(2, consumers=(ConsumerInfo(1, 2, 3, 4),)),
            "3080 800102 a180 800100 8100 0000a280 3080 800101 810102 820103 830104 0000 0000 0000",
        ),
        (
            AuthenticationMessage(AuthenticationRequest("B", b"u")),
            "3080 a080 a080 800142 810175 0000 0000 0000",
        ),
    ],
)
def test_the_form_is_the_peers(message, expected):
    assert encode(message) == octets(expected)
    assert decode(type(message), octets(expected)) == message


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (QueueHandleParameters(q_id=4294967285), "810500fffffff5"),
        (ConsumerInfo(consumer_priority=-1073741824), "8204c0000000"),
        (ElectorMessage(2**64 - 1, LeaderHeartbeat()), "800900ffffffffffffffff"),
        (AuthenticationResponse(lifetime_ms=600000), "81030927c0"),
        (Status(code=-1), "8101ff"),
        (Status(code=127), "81017f"),
        (Status(code=128), "81020080"),
        (Status(code=-128), "810180"),
        (Status(code=-129), "8102ff7f"),
        (Status(code=-(2**31)), "810480000000"),
        (AuthenticationRequest("", b""), "8100"),
        (CloseQueue(is_final=True), "810101"),
    ],
)
def test_numbers_are_as_short_as_can_be(message, expected):
    assert octets(expected) in encode(message)
    assert decode(type(message), encode(message)) == message


@pytest.mark.parametrize(
    ("size", "length"), [(0, "00"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100")]
)
def test_lengths_from_128_on_say_their_own_length(size, length):
    message = Status(message="x" * size)
    assert encode(message).endswith(octets("82" + length) + b"x" * size + octets(END))
    assert decode(Status, encode(message)) == message


def test_a_null_member_is_left_out_but_an_empty_one_is_not():
    assert b"\x81" not in encode(AuthenticationRequest("", None))
    assert decode(AuthenticationRequest, encode(AuthenticationRequest("", None))).data is None
    assert decode(AuthenticationRequest, encode(AuthenticationRequest("", b""))).data == b""


@pytest.mark.parametrize(
    "message",
    [
        QueueHandleParameters(q_id=-1),
        QueueHandleParameters(flags=2**64),
        QueueHandleParameters(uri=None),  # type: ignore[arg-type]
        OpenQueue(Status()),  # type: ignore[arg-type]
        StreamParameters(subscriptions=[]),  # type: ignore[arg-type]
        StreamParameters(subscriptions=(Status(),)),  # type: ignore[arg-type]
        ControlMessage(1, QueueHandleParameters()),  # type: ignore[arg-type]
        ClientIdentity(user_agent=None),  # type: ignore[arg-type]
    ],
)
def test_a_message_that_breaks_the_schema_is_our_fault(message):
    with pytest.raises(AssertionError):
        encode(message)


# --- What the decoder takes, and what it refuses


def test_definite_lengths_are_accepted():
    # The same `disconnect` with every length said.
    assert decode(ControlMessage, octets("3007 800103 a102 a100")) == ControlMessage(
        3, Disconnect()
    )
    inner = "80016f 810105 a205 800102 8100 830106"
    assert decode(ControlMessage, octets(f"3019 800103 a114 aa12 a010 {inner}")) == ControlMessage(
        3, OpenQueue(QueueHandleParameters("o", 5, SubQueueIdInfo(2, ""), 6))
    )


def test_definite_and_indefinite_lengths_mix():
    assert decode(ControlMessage, octets("3080 800103 a104 a180 0000 0000")).choice == Disconnect()
    assert decode(ControlMessage, octets("3009 800103 a180 a100 0000")).choice == Disconnect()


def test_members_in_another_order_are_accepted():
    assert decode(ControlMessage, octets("3080 a180 a100 0000 800103 0000")).r_id == 3
    assert decode(Status, octets("3080 820178 8101ff 8001fa 0000")) == Status(
        StatusCategory.E_REFUSED, -1, "x"
    )


def test_missing_members_have_their_defaults():
    assert decode(Status, octets("3080 0000")) == Status()
    assert decode(ClientIdentity, octets("3000")) == ClientIdentity()
    assert decode(NegotiationMessage, octets("3080 a080 a180 0000 0000 0000")) == (
        NegotiationMessage(BrokerResponse())
    )


@pytest.mark.parametrize(
    "unknown",
    [
        "8900",
        "890101",
        "a900",
        "a9022a2a",
        "a980 0000",
        "a980 800101 0401ff 2480 0000 0000",
        "a980 a980 a980 0000 0000 0000",
        "9f1f00",
        "9f1f0101",
        "bf8f7f80 810100 0000",
        "9fffffffff7f00",
        "8981 01 00",
        "8984 00000001 00",
    ],
)
def test_unknown_members_are_skipped(unknown):
    assert decode(Status, octets(f"3080 {unknown} 8101ff {unknown} 0000")) == Status(code=-1)


def test_a_known_id_may_have_the_long_form():
    assert decode(Status, octets("3080 9f0101ff 0000")) == Status(code=-1)


def test_of_a_member_twice_the_last_one_holds():
    assert decode(Status, octets("3080 810101 810102 0000")).code == 2
    twice = "3080 a080 810101 0000 a080 820161 0000 0000"
    assert decode(BrokerResponse, octets(twice)).result == Status(message="a")
    arrays = "3080 a180 3000 3000 0000 a180 3000 0000 0000"
    assert decode(StreamParameters, octets(arrays)).subscriptions == (Subscription(),)
    choices = "3080 a102 aa00 a102 a100 0000"
    assert decode(ControlMessage, octets(choices)).choice == Disconnect()


@pytest.mark.parametrize(
    "choice",
    [
        "a180 b280 0000 0000",
        "a180 92 00 0000",
        "a180 a380 8000 0000 0000",
        "a180 bf1f 00 0000",
        "a180 0000",
        "a100",
        "",
    ],
)
def test_an_unknown_retired_or_missing_choice_is_undefined(choice):
    assert decode(ControlMessage, octets(f"3080 800107 {choice} 0000")) == ControlMessage(7, None)


def test_a_choice_at_the_top_may_be_undefined_too():
    assert decode(NegotiationMessage, octets("3080 a080 a280 0000 0000 0000")).choice is None
    assert decode(AuthenticationMessage, octets("3080 a080 0000 0000")).choice is None
    assert decode(ClusterMessage, octets("3080 a080 b180 0000 0000 0000")).choice is None


def test_superfluous_zeros_are_accepted_up_to_the_width():
    assert decode(Status, octets("3080 810400000005 0000")).code == 5
    assert decode(QueueHandleParameters, octets("3080 81050000000005 0000")).q_id == 5
    assert decode(QueueHandleParameters, octets("3080 8309000000000000000005 0000")).flags == 5
    assert decode(ConsumerInfo, octets("3080 80080000000000000005 0000")) == ConsumerInfo(5)


def test_an_unsigned_number_may_do_without_its_leading_zero():
    assert decode(QueueHandleParameters, octets("3080 8104fffffff5 0000")).q_id == 0xFFFFFFF5
    assert (
        decode(QueueHandleParameters, octets("3080 8308ffffffffffffffff 0000")).flags == 2**64 - 1
    )


@pytest.mark.parametrize(
    ("message_type", "member"),
    [
        (Status, "8105 0000000005"),
        (Status, "8105 ffffffffff"),
        (Status, "8005 0000000000"),
        (QueueHandleParameters, "8105 0100000000"),
        (QueueHandleParameters, "8106 000000000001"),
        (QueueHandleParameters, "8309 010000000000000000"),
        (QueueHandleParameters, "830a 00000000000000000000"),
        (ConsumerInfo, "8009 000000000000000000"),
    ],
)
def test_an_integer_wider_than_its_type_is_refused(message_type, member):
    error = refused(message_type, f"3080 {member} 0000")
    assert "octets" in str(error.value)
    assert "at most" in error.rule
    assert error.offset == 2


def test_any_bool_but_zero_is_true():
    assert decode(CloseQueue, octets("3080 810100 0000")).is_final is False
    assert decode(CloseQueue, octets("3080 810102 0000")).is_final is True
    assert decode(CloseQueue, octets("3080 8101ff 0000")).is_final is True


@pytest.mark.parametrize("member", ["8100", "81020001"])
def test_a_bool_has_one_octet(member):
    assert refused(CloseQueue, f"3080 {member} 0000").field == "CloseQueue.isFinal"


@pytest.mark.parametrize("value", ["01 01", "01 f7", "02 0100"])
def test_an_enumerator_must_exist(value):
    error = refused(Status, f"3080 80 {value} 0000")
    assert error.field == "Status.category"
    assert "[0, -1, -2, -3, -4, -5, -6, -7, -8]" in error.rule


@pytest.mark.parametrize(
    ("message_type", "element"),
    [
        (Status, "a180 0000"),
        (Status, "a10101"),
        (Status, "a200"),
        (BrokerResponse, "800100"),
        (StreamParameters, "8100"),
        (ControlMessage, "8100"),
        (ControlMessage, "a180 8a00 0000"),
    ],
)
def test_the_form_must_fit(message_type, element):
    assert "form must be" in refused(message_type, f"3080 {element} 0000").rule


@pytest.mark.parametrize("tag", ["31", "10", "70", "a0", "b0", "f0", "02", "00", "3f11"])
def test_a_message_begins_with_tag_30(tag):
    assert "0x30" in refused(Status, f"{tag} 80 0000").rule


@pytest.mark.parametrize(
    "data",
    [
        "",
        "30",
        "3080",
        "3080 00",
        "3080 0001",
        "3080 81",
        "3080 8101",
        "3080 810101",
        "3080 810101 00",
        "3004 810101",
        "3081",
        "308201",
        "3080 9f",
        "3080 9fff",
        "3080 a980",
        "3080 a980 0000",
        "3080 a980 00",
        "3080 a980 8901",
        "3080 a980 a980 0000 00",
    ],
)
def test_the_end_must_be_there(data):
    refused(Status, data)


def test_every_truncation_of_a_message_is_refused():
    message = ControlMessage(1, ConfigureStream(1, StreamParameters("a", (Subscription(2),))))
    encoded = encode(message)
    for size in range(len(encoded)):
        refused(ControlMessage, encoded[:size].hex())
    assert decode(ControlMessage, encoded) == message


def test_an_element_may_not_reach_beyond_the_one_around_it():
    error = refused(BrokerResponse, "3080 a003 8105ff 0000 0000 0000")
    assert (error.field, error.value) == ("BrokerResponse.result", "length 5 of tag 0x81")
    assert error.rule == "only 1 bytes are left"
    # The open element's end lies outside of the closed one around it.
    refused(BrokerResponse, "3004 a080 8000 0000")


@pytest.mark.parametrize("tail", ["01", "04040404", "ff", "3080", "0000"])
def test_what_follows_the_end_is_ignored(tail):
    assert decode(Status, octets(f"3080 810105 0000 {tail}")).code == 5
    assert decode(Status, octets(f"3003 810105 {tail}")).code == 5


@pytest.mark.parametrize(
    "length",
    ["85 0000000001", "ff 01", "84 80000000", "84 ffffffff", "84 7fffffff", "82 ffff"],
)
@pytest.mark.parametrize("tag", ["82", "a9", "89"])
def test_a_long_length_is_refused(tag, length):
    refused(Status, f"3080 {tag} {length} 00 0000")
    refused(Status, f"30 {length} 00 0000")


def test_length_errors_name_the_limit():
    assert "4 octets at most" in refused(Status, "3080 82 85 0000000001 00").rule
    assert str(2**31 - 1) in refused(Status, "3080 82 84 80000000 00").rule


def test_an_integer_of_no_octets_is_zero():
    assert decode(Status, octets("3080 8000 8100 0000")) == Status()
    assert decode(QueueHandleParameters, octets("3080 8100 8300 0000")).q_id == 0


@pytest.mark.parametrize("raw", ["ff", "c328", "00", "eda080", "0a1b5b"])
def test_strings_hold_any_octets_and_give_them_back(raw):
    data = octets(f"3080 800100 810100 82{len(raw) // 2:02x}{raw} 0000")
    assert encode(decode(Status, data)) == data


# --- What the table does not say


@pytest.mark.parametrize("element", ["0401ff", "3000", "410100", "e100", "0001"])
def test_members_have_context_tags(element):
    refused(Status, f"3080 {element} 0000")
    refused(Status, f"30{len(octets(element)):02x} {element}")


def test_alternatives_have_context_tags():
    assert "context" in refused(ControlMessage, "3080 a180 3000 0000 0000").rule


@pytest.mark.parametrize("element", ["a000", "1000", "3180 0000", "0400"])
def test_elements_of_an_array_are_sequences(element):
    error = refused(StreamParameters, f"3080 a180 3000 {element} 0000 0000")
    assert error.field == "StreamParameters.subscriptions[1]"


def test_a_choice_has_one_alternative():
    assert "one alternative" in refused(ControlMessage, "3080 a180 a100 a100 0000 0000").rule
    assert "one alternative" in refused(ControlMessage, "3080 a104 a100 a100 0000").rule


@pytest.mark.parametrize(
    "elements", ["", "a100", "8000", "a080 0000 a080 0000", "a080 0000 810101"]
)
def test_a_choice_at_the_top_stands_alone(elements):
    refused(NegotiationMessage, f"3080 {elements} 0000")


def test_only_constructed_elements_have_an_open_length():
    assert "open" in refused(Status, "3080 8280 0000 0000").rule
    assert "constructed" in refused(Status, "3080 8980 0000 0000").rule
    assert "constructed" in refused(Status, "3080 a980 0480 0000 0000 0000").rule


def test_a_tag_number_has_five_octets_at_most():
    assert "5 octets" in refused(Status, "3080 9fffffffffff7f 00 0000").rule


def test_an_error_tells_field_value_rule_and_offset():
    uri = "3080 800101 a180 aa80 a080 8001 61 8105 0100000000 0000 0000 0000 0000"
    with pytest.raises(WireError) as caught:
        decode(ControlMessage, octets(uri), 8)
    assert caught.value.field == "ControlMessage.openQueue.handleParameters.qId"
    assert caught.value.value == "5 octets"
    assert caught.value.rule == "must be u32, 4 octets at most"
    assert caught.value.offset == 8 + 14


# --- Bounds


@pytest.mark.parametrize("opening", ["a980", "a080", "bf8f7f80", "3080", "a184 00100000"])
@pytest.mark.parametrize(
    "message_type", [Status, ControlMessage, NegotiationMessage, BrokerResponse]
)
def test_a_nesting_bomb_is_refused(message_type, opening):
    refused(message_type, "3080" + opening * 100_000)


def test_the_depth_limit_counts_from_the_outside():
    deepest = limits.CONTROL_NESTING_MAX - 1
    assert decode(Status, octets("3080" + "a980" * deepest + END * deepest + END)) == Status()
    error = refused(Status, "3080" + "a980" * (deepest + 1) + END * (deepest + 1) + END)
    assert error.rule == f"must be {limits.CONTROL_NESTING_MAX} at most"


def test_unknown_elements_of_definite_length_are_not_looked_into():
    # As with the peer: what is inside is nonsense, but its end is known.
    assert decode(Status, octets("3080 a904 ffffffff 0000")) == Status()


@pytest.mark.parametrize(
    ("message_type", "before", "element", "after"),
    [
        (Status, "3080", "8900", "0000"),
        (Status, "3080 a980", "8900", "0000 0000"),
        (StreamParameters, "3080 a180", "3000", "0000 0000"),
    ],
)
def test_the_elements_of_a_sequence_are_bounded(message_type, before, element, after):
    count = limits.CONTROL_MEMBERS_MAX
    decode(message_type, octets(before) + octets(element) * count + octets(after))
    with pytest.raises(WireError) as caught:
        decode(message_type, octets(before) + octets(element) * (count + 1) + octets(after))
    assert str(limits.CONTROL_MEMBERS_MAX) in caught.value.rule


def test_the_limit_is_for_each_sequence_by_itself():
    count = limits.CONTROL_MEMBERS_MAX // 2 + 1
    unknown = octets("a980") + octets("8900") * count + octets(END)
    assert decode(Status, octets("3080") + unknown * 2 + octets(END)) == Status()


def test_a_cluster_message_has_two_levels_of_choice():
    message = ControlMessage(None, ClusterMessage(NodeStatusAdvisory()))
    assert encode(message) == octets("3080 a180 a980 a080 a380 800100 0000 0000 0000 0000 0000")
    assert decode(ControlMessage, encode(message)) == message
