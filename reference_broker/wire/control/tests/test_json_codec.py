"""JSON: the peer's text is written, and its decoder's freedoms are granted."""

from __future__ import annotations

import pytest

from reference_broker.base import WireError, limits
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    AuthenticationResponse,
    CloseQueue,
    ClusterMessage,
    ConsumerInfo,
    ControlMessage,
    Disconnect,
    ElectorMessage,
    Expression,
    ExpressionVersion,
    NegotiationMessage,
    OpenQueue,
    QueueHandleParameters,
    QueueInfo,
    Status,
    StatusCategory,
    StreamParameters,
    Subscription,
)
from reference_broker.wire.control.json_codec import decode, encode


def refused(message_type: type, text: str | bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        decode(message_type, text.encode() if isinstance(text, str) else text)
    return caught.value


# --- The encoder


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Status(), '{"category":"E_SUCCESS","code":0,"message":""}'),
        (ControlMessage(7, Disconnect()), '{"rId":7,"disconnect":{}}'),
        (ControlMessage(None, Disconnect()), '{"disconnect":{}}'),
        (ControlMessage(), "{}"),
        (AuthenticationRequest("a/b", b"\xff\xff"), r'{"mechanism":"a\/b","data":"\/\/8="}'),
        (AuthenticationRequest("", b""), '{"mechanism":"","data":""}'),
        (AuthenticationRequest(), '{"mechanism":""}'),
        (StreamParameters("a"), '{"appId":"a"}'),
        (
            StreamParameters("", (Subscription(1), Subscription(2))),
            (
                '{"appId":"","subscriptions":['
                '{"sId":1,"expression":{"version":"E_UNDEFINED","text":""}},'
                '{"sId":2,"expression":{"version":"E_UNDEFINED","text":""}}]}'
            ),
        ),
        (ElectorMessage(2**64 - 1), '{"term":18446744073709551615}'),
        (
            Expression(ExpressionVersion.E_VERSION_1, '\\ " / \b\f\n\r\t\0\x1f\x7f é €'),
            '{"version":"E_VERSION_1",'
            r'"text":"\\ \" \/ \b\f\n\r\t\u0000\u001f' + '\x7f é €"}',
        ),
        (QueueInfo("q", b"\1\2\3\4\5", 1), '{"uri":"q","key":"AQIDBAU=","partitionId":1}'),
    ],
)
def test_the_text_is_the_peers(message, text):
    assert encode(message) == text.encode()
    assert decode(type(message), text.encode()) == message


def test_octets_that_are_not_utf_8_turn_into_question_marks():
    message = Status(message=b"a\xffb".decode("utf-8", "surrogateescape"))
    assert decode(Status, encode(message)).message == "a?b"


@pytest.mark.parametrize(
    "message",
    [
        QueueHandleParameters(q_id=-1),
        QueueHandleParameters(uri=None),  # type: ignore[arg-type]
        StreamParameters(subscriptions=(Status(),)),  # type: ignore[arg-type]
        StreamParameters(subscriptions=[Subscription()]),  # type: ignore[arg-type]
        ControlMessage(1, QueueHandleParameters()),  # type: ignore[arg-type]
    ],
)
def test_a_message_that_breaks_the_schema_is_our_fault(message):
    with pytest.raises(AssertionError):
        encode(message)


# --- What the decoder takes


def test_missing_members_have_their_defaults():
    assert decode(Status, b"{}") == Status()
    assert decode(ControlMessage, b' { "rId" : 1 } \n') == ControlMessage(1)


def test_unknown_members_are_skipped():
    text = b'{"x":{"code":[1,{"y":null}]},"code":5,"z":1e999,"w":-1.5,"v":[[[]]]}'
    assert decode(Status, text) == Status(code=5)


def test_of_a_member_twice_the_last_one_holds():
    assert decode(Status, b'{"code":1,"code":2}').code == 2
    text = b'{"openQueue":{},"closeQueue":{},"openQueue":{}}'
    assert decode(ControlMessage, text).choice == OpenQueue()
    assert decode(ControlMessage, b'{"openQueue":{},"closeQueue":{}}').choice == CloseQueue()


def test_unknown_and_retired_alternatives_choose_nothing():
    assert decode(ControlMessage, b'{"rId":1,"openQueueOld":{}}') == ControlMessage(1)
    assert decode(ClusterMessage, b'{"clusterSyncRequest":{}}') == ClusterMessage()
    assert decode(NegotiationMessage, b'{"placeHolder":{}}') == NegotiationMessage()
    assert decode(NegotiationMessage, b"{}") == NegotiationMessage()
    assert decode(ControlMessage, b'{"rId":1,"choice":{"openQueue":{}}}') == ControlMessage(1)


def test_enumerators_come_by_name_or_number():
    assert decode(Status, b'{"category":"E_REFUSED"}').category is StatusCategory.E_REFUSED
    assert decode(Status, b'{"category":-6}').category is StatusCategory.E_REFUSED


def test_64_bit_integers_come_in_quotes_too():
    assert decode(ConsumerInfo, b'{"maxUnconfirmedBytes":"-5"}') == ConsumerInfo(0, -5)
    assert decode(QueueHandleParameters, b'{"flags":"18446744073709551615"}').flags == 2**64 - 1


def test_null_stands_for_an_absent_optional_member():
    text = b'{"rId":null,"openQueue":{"handleParameters":{"subIdInfo":null}}}'
    assert decode(ControlMessage, text) == ControlMessage(None, OpenQueue())
    assert decode(AuthenticationResponse, b'{"lifetimeMs":null}').lifetime_ms is None


def test_bools_are_true_and_false():
    assert decode(CloseQueue, b'{"isFinal":true}').is_final is True
    assert decode(CloseQueue, b'{"isFinal":false}').is_final is False


def test_an_empty_array_may_be_written():
    assert decode(StreamParameters, b'{"subscriptions":[]}') == StreamParameters()


def test_slashes_need_no_escape_and_anything_may_have_one():
    text = rb'{"uri":"bmq:\/\/d/q\u003fid=\ud83d\ude00"}'
    assert decode(QueueHandleParameters, text).uri == "bmq://d/q?id=\U0001f600"


# --- What it refuses


@pytest.mark.parametrize(
    ("message_type", "text", "field"),
    [
        (Status, "[]", "Status"),
        (Status, "null", "Status"),
        (Status, '"x"', "Status"),
        (Status, "7", "Status"),
        (Status, '{"code":"1"}', "Status.code"),
        (Status, '{"code":1.0}', "Status.code"),
        (Status, '{"code":1e2}', "Status.code"),
        (Status, '{"code":true}', "Status.code"),
        (Status, '{"code":null}', "Status.code"),
        (Status, '{"code":{}}', "Status.code"),
        (Status, '{"code":[]}', "Status.code"),
        (Status, '{"code":2147483648}', "Status.code"),
        (Status, '{"code":-2147483649}', "Status.code"),
        (Status, '{"message":1}', "Status.message"),
        (Status, '{"message":null}', "Status.message"),
        (Status, '{"category":"E_NOTHING"}', "Status.category"),
        (Status, '{"category":"mro"}', "Status.category"),
        (Status, '{"category":1}', "Status.category"),
        (Status, '{"category":"-6"}', "Status.category"),
        (Status, '{"category":false}', "Status.category"),
        (Status, '{"category":-6.0}', "Status.category"),
        (Status, '{"category":null}', "Status.category"),
        (CloseQueue, '{"isFinal":1}', "CloseQueue.isFinal"),
        (CloseQueue, '{"isFinal":"true"}', "CloseQueue.isFinal"),
        (QueueHandleParameters, '{"qId":-1}', "QueueHandleParameters.qId"),
        (QueueHandleParameters, '{"qId":4294967296}', "QueueHandleParameters.qId"),
        (QueueHandleParameters, '{"flags":"-1"}', "QueueHandleParameters.flags"),
        (QueueHandleParameters, '{"flags":"1 "}', "QueueHandleParameters.flags"),
        (QueueHandleParameters, '{"flags":"+1"}', "QueueHandleParameters.flags"),
        (QueueHandleParameters, '{"flags":"1_0"}', "QueueHandleParameters.flags"),
        (QueueHandleParameters, '{"flags":"\u0661"}', "QueueHandleParameters.flags"),
        (QueueHandleParameters, '{"flags":""}', "QueueHandleParameters.flags"),
        (QueueHandleParameters, '{"flags":1e999}', "QueueHandleParameters.flags"),
        (QueueHandleParameters, '{"subIdInfo":7}', "QueueHandleParameters.subIdInfo"),
        (AuthenticationRequest, '{"data":"AQ"}', "AuthenticationRequest.data"),
        (AuthenticationRequest, '{"data":"A Q="}', "AuthenticationRequest.data"),
        (AuthenticationRequest, '{"data":"é"}', "AuthenticationRequest.data"),
        (AuthenticationRequest, '{"data":[1]}', "AuthenticationRequest.data"),
        (StreamParameters, '{"subscriptions":{}}', "StreamParameters.subscriptions"),
        (StreamParameters, '{"subscriptions":null}', "StreamParameters.subscriptions"),
        (StreamParameters, '{"subscriptions":[{},[]]}', "StreamParameters.subscriptions[1]"),
        (ControlMessage, '{"openQueue":null}', "ControlMessage.openQueue"),
        (ControlMessage, '{"openQueue":[]}', "ControlMessage.openQueue"),
        (NegotiationMessage, '{"clientIdentity":{},"x":1}', "NegotiationMessage"),
        (AuthenticationMessage, '{"x":1,"authenticationRequest":{}}', "AuthenticationMessage"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(message_type, text, field):
    assert refused(message_type, text).field == field


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "}",
        "{}{}",
        "{} x",
        '{"code":}',
        '{"code":1,}',
        "{'code':1}",
        '{"code" 1}',
        '{"code":01}',
        '{"code":+1}',
        '{"code":NaN}',
        '{"code":Infinity}',
        '{"x":-Infinity}',
        '{"message":"a\nb"}',
        '{"message":"\\x"}',
        '{"message":"\\u12"}',
        '{"message":"',
        '{"message":"\\',
        "\ufeff{}",
        "nul",
        '{"code":' + "1" * 10_000 + "}",
        '{"x":' + "1" * 10_000 + "}",
    ],
)
def test_what_is_not_json_is_refused(text):
    refused(Status, text)


def test_errors_in_the_text_tell_where():
    with pytest.raises(WireError) as caught:
        decode(Status, '{"message":"é" x}'.encode(), 8)
    assert caught.value.offset == 8 + 16
    with pytest.raises(WireError) as caught:
        decode(Status, b'{"message":"\xff"}', 8)
    assert caught.value.offset == 8 + 12
    assert caught.value.value == "octet 0xff"


@pytest.mark.parametrize("half", [r"\ud800", r"\udc80", r"\udfff\ud800", r"\ud800x"])
def test_half_a_surrogate_pair_is_refused(half):
    assert "surrogate" in refused(Status, f'{{"message":"{half}"}}').rule
    # Nobody looks at an unknown member.
    assert decode(Status, f'{{"{half}":"{half}"}}'.encode()) == Status()


def test_long_values_are_shortened_in_errors():
    error = refused(Status, '{"code":"' + "\x7f" * 100_000 + '"}')
    assert len(str(error.value)) < 200
    assert str(error).isprintable()


def test_objects_and_arrays_are_named_in_errors():
    assert refused(Status, '{"code":{"a":1}}').value == "an object of 1"
    assert refused(Status, '{"code":[1,2]}').value == "an array of 2"


# --- Bounds


@pytest.mark.parametrize(
    "opening", ["[", '{"x":', '{"openQueue":', '{"x":[', '[{"x":', '{"subscriptions":[']
)
def test_a_nesting_bomb_is_refused(opening):
    error = refused(ControlMessage, opening * 100_000)
    assert error.rule == f"must be {limits.CONTROL_NESTING_MAX} at most"


def test_the_depth_limit_counts_from_the_outside():
    inside = limits.CONTROL_NESTING_MAX - 1
    assert decode(Status, f'{{"x":{"[" * inside}{"]" * inside}}}'.encode()) == Status()
    error = refused(Status, f'{{"x":{"[" * (inside + 1)}{"]" * (inside + 1)}}}')
    assert error.rule == f"must be {limits.CONTROL_NESTING_MAX} at most"
    assert error.offset == 5 + inside


def test_brackets_in_strings_and_side_by_side_are_not_nesting():
    many = limits.CONTROL_NESTING_MAX * 2
    text = r'{"message":"\"' + "[{" * many + r'\\"' + ',"x":[' + "[]," * many + "{}]}"
    assert decode(Status, text.encode()).message == '"' + "[{" * many + "\\"


@pytest.mark.parametrize("unit", ['\\"', "\\", '"', '"[', "[]", "{}", '"\\'])
def test_a_megabyte_of_nonsense_takes_linear_time(unit):
    size = limits.CONTROL_EVENT_BYTES_MAX
    text = '"' + unit * (size // len(unit))
    refused(Status, "[" * 60 + "{" * 10 + text)
    refused(Status, '{"x":' + "[],[" * 60 + text)


def test_members_and_elements_are_bounded():
    count = limits.CONTROL_MEMBERS_MAX
    members = [f'"{index}":0' for index in range(count)]
    assert decode(Status, f"{{{','.join(members)}}}".encode()) == Status()
    error = refused(Status, f'{{{",".join([*members, ""])}"code":1}}')
    assert error.rule == f"must be {count} at most"
    elements = ",".join(["{}"] * (count + 1))
    error = refused(StreamParameters, f'{{"subscriptions":[{elements}]}}')
    assert (error.field, error.rule) == (
        "StreamParameters.subscriptions",
        f"must be {count} at most",
    )
