"""BMQ-NEG: negotiation."""

from __future__ import annotations

from itertools import pairwise

from reference_broker.wire import (
    HEARTBEAT_REQUEST,
    EventType,
    Features,
    event_header,
    pad,
    put_event,
)
from reference_broker.wire.control import (
    BrokerResponse,
    ClientLanguage,
    ClientType,
    ConfigureStreamResponse,
    ControlMessage,
    Encoding,
    NegotiationMessage,
    OpenQueue,
    OpenQueueResponse,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from suites.harness.target import Capability, Target
from suites.integration.actor import Actor, stream
from suites.integration.case import STRICT_TARGETS, case, non_strict
from suites.integration.config_files import set_heartbeats, start_anew
from suites.integration.connections import Wire
from suites.integration.raw import ClosedError, identity

_JSON_ONLY = "PROTOCOL_ENCODING:JSON;MPS:MESSAGE_PROPERTIES_EX"


def _answer_encoding(peer: Actor, features: str, encoding: Encoding) -> int:
    """Negotiate, and return the encoding of the broker's answer."""
    message = NegotiationMessage(choice=identity(features=features))
    peer.send(control_event(message, encoding))
    event = peer.read_event()
    assert event.type == EventType.CONTROL, f"a CONTROL event is expected, not {event}"
    answer = decode_message(NegotiationMessage, event.encoding, event.body).choice
    assert isinstance(answer, BrokerResponse), answer
    assert answer.result.category == StatusCategory.E_SUCCESS, answer.result
    return event.encoding


@case(
    "BMQ-NEG-1",
    statement="A client introduces itself with a clientIdentity in BER and is answered with a "
    "brokerResponse.",
    expectation="result E_SUCCESS and protocolVersion 1, in BER; the broker calls itself a broker.",
    proves=("NEG-1", "NEG-2"),
)
def test_identity_in_ber(wire: Wire) -> None:
    peer = wire.peer().connect()
    peer.send(control_event(NegotiationMessage(choice=identity())))
    event = peer.read_event()
    assert event.type == EventType.CONTROL
    assert event.encoding == Encoding.BER
    answer = decode_message(NegotiationMessage, event.encoding, event.body).choice
    assert isinstance(answer, BrokerResponse), answer
    assert answer.result.category == StatusCategory.E_SUCCESS
    assert answer.protocol_version == 1
    assert answer.broker_identity.client_type is ClientType.E_TCPBROKER
    assert not answer.is_deprecated_sdk


@case(
    "BMQ-NEG-2",
    statement="A client that lists only JSON, and speaks it, is answered in JSON.",
    expectation="A brokerResponse of success whose event announces and holds JSON.",
    proves=("NEG-3", "JSON-1", "JSON-2", "FRAME-17"),
)
def test_identity_in_json(wire: Wire) -> None:
    peer = wire.peer().connect()
    assert _answer_encoding(peer, _JSON_ONLY, Encoding.JSON) == Encoding.JSON


@case(
    "BMQ-NEG-3",
    statement="The encoding of answers follows the client's features, BER before JSON, and not the "
    "encoding of its identity.",
    expectation="An identity in JSON that lists BER and JSON, and one that lists nothing, are "
    "answered in BER; one in BER that lists only JSON is answered in JSON.",
    proves=("NEG-3", "FRAME-15"),
)
def test_answer_encoding_follows_features(wire: Wire) -> None:
    both = "PROTOCOL_ENCODING:BER,JSON"
    assert _answer_encoding(wire.peer("both").connect(), both, Encoding.JSON) == Encoding.BER
    assert _answer_encoding(wire.peer("none").connect(), "", Encoding.JSON) == Encoding.BER
    assert _answer_encoding(wire.peer("json").connect(), _JSON_ONLY, Encoding.BER) == Encoding.JSON


@case(
    "BMQ-NEG-4",
    statement="Members that an identity leaves out have their defaults.",
    expectation="An identity of nothing but protocolVersion 1 and clientType E_TCPCLIENT is "
    "accepted.",
    proves=("NEG-4", "BER-3", "BER-5"),
)
def test_minimal_identity(wire: Wire) -> None:
    peer = wire.peer().connect()
    payload = pad(bytes.fromhex("3080 a080 a080 800101 820101 0000 0000 0000"))
    peer.send(event_header(EventType.CONTROL, len(payload)) + payload)
    assert peer.read_broker_response().result.category == StatusCategory.E_SUCCESS


@case(
    "BMQ-NEG-5",
    statement="An SDK below the minimum version is told E_NOT_SUPPORTED in a complete "
    "brokerResponse, and the connection stays open.",
    expectation="C++ 1.4.99 and Java 0.0.1: E_NOT_SUPPORTED, code -1, isDeprecatedSdk; then "
    "nothing, and no close.",
    proves=("NEG-9", "NEG-10"),
)
def test_sdk_too_old(wire: Wire) -> None:
    for language, version in ((ClientLanguage.E_CPP, 10_499), (ClientLanguage.E_JAVA, 1)):
        peer = wire.peer(language.name).connect()
        answer = peer.negotiate(identity(sdk_language=language, sdk_version=version))
        assert answer.result.category == StatusCategory.E_NOT_SUPPORTED, answer.result
        assert answer.result.code == -1
        assert answer.is_deprecated_sdk
        assert answer.protocol_version == 1
        assert peer.poll_event(0.1) is None, "nothing is due but silence"


@case(
    "BMQ-NEG-6",
    statement="An SDK below the recommended version is accepted and told that it is deprecated; "
    "an unknown language has no minimum.",
    expectation="C++ 1.5.0 and 1.8.99: success, isDeprecatedSdk; C++ 1.9.0, Java 0.0.2 and "
    "versions 1 and -1 in no known language: success, not deprecated.",
    proves=("NEG-11", "NEG-12"),
)
def test_sdk_deprecated(wire: Wire) -> None:
    for language, version, is_deprecated in (
        (ClientLanguage.E_CPP, 10_500, True),
        (ClientLanguage.E_CPP, 10_899, True),
        (ClientLanguage.E_CPP, 10_900, False),
        (ClientLanguage.E_JAVA, 2, False),
        (ClientLanguage.E_UNKNOWN, 1, False),
        (ClientLanguage.E_UNKNOWN, -1, False),
    ):
        peer = wire.peer(f"{language.name} {version}").connect()
        answer = peer.negotiate(identity(sdk_language=language, sdk_version=version))
        assert answer.result.category == StatusCategory.E_SUCCESS, (language, version)
        assert answer.is_deprecated_sdk is is_deprecated, (language, version)


@case(
    "BMQ-NEG-7",
    statement="An identity that does not say what kind of client is there is not answered.",
    expectation="clientType E_UNKNOWN: the connection is closed without an answer.",
    proves=("NEG-8",),
)
def test_unknown_client_type(wire: Wire) -> None:
    peer = wire.peer().connect()
    unknown = identity(client_type=ClientType.E_UNKNOWN)
    peer.send(control_event(NegotiationMessage(choice=unknown)))
    peer.expect_closed()


@case(
    "BMQ-NEG-10",
    statement="What a broker can do is listed in its features.",
    expectation="Encodings BER and JSON, message properties EX, and configureStream.",
    needs=(Capability.CONFIGURED,),
    proves=("FEAT-1", "FEAT-2", "FEAT-3"),
)
def test_broker_features(wire: Wire) -> None:
    answer = wire.peer().start()
    features = Features.parse(answer.broker_identity.features)
    assert {"BER", "JSON"} <= set(features.encodings)
    assert features.message_properties_ex
    assert features.configure_stream


@case(
    "BMQ-NEG-11",
    statement="A TCP stream has no packets: how bytes are cut changes nothing.",
    expectation="An identity sent byte by byte is accepted, and so are a request and a heartbeat "
    "that share a packet, and a request that comes with the identity; so are a request, a heartbeat "
    "and a message that are cut in headers, in bodies and across each other's ends.",
    proves=("FRAME-1", "FRAME-2"),
)
def test_any_chunking(wire: Wire, queue_uri: str) -> None:
    witness, peer = wire.actor("witness"), wire.peer().connect()
    for byte in control_event(NegotiationMessage(choice=identity())):
        peer.send(bytes([byte]))
    assert peer.read_broker_response().result.category == StatusCategory.E_SUCCESS
    opening = OpenQueue(handle_parameters=peer.handle(queue_uri, read=True, write=True))
    peer.send(control_event(ControlMessage(1, opening)) + HEARTBEAT_REQUEST)
    assert isinstance(peer.answer(1), OpenQueueResponse)
    peer.settle()
    assert peer.heartbeats["answered"] == 2, "one is that of the settling"
    configuring = control_event(ControlMessage(2, stream(0, 7)))
    (put,) = peer.puts([b"cut to pieces " * 20])
    whole = configuring + HEARTBEAT_REQUEST + put_event([put]) + HEARTBEAT_REQUEST
    second, third = len(configuring), len(configuring + HEARTBEAT_REQUEST)
    fourth = len(whole) - len(HEARTBEAT_REQUEST)
    cuts = (3, second - 1, second + 3, third + 2, third + 20, fourth - 1, fourth + 6, len(whole))
    for start, end in pairwise((0, *cuts)):
        peer.send(whole[start:end])
        witness.refusal(stream(9, 1))  # the broker has been round: it has read what there was
    assert isinstance(peer.answer(2), ConfigureStreamResponse)
    assert [ack[:3] for ack in peer.take_acks(1)] == [(0, 0, put.guid)]
    (push,) = peer.take_pushes(1)
    assert (push.guid, push.ids, push.data) == (put.guid, (7,), put.data)
    peer.confirm(put.guid)
    peer.settle()
    assert peer.heartbeats["answered"] == 5, "two more, and one of the settling"
    eager = wire.peer("eager").connect()
    eager.send(
        control_event(NegotiationMessage(choice=identity()))
        + control_event(ControlMessage(1, opening))
    )
    assert eager.read_broker_response().result.category == StatusCategory.E_SUCCESS
    assert isinstance(eager.answer(1), OpenQueueResponse)


@case(
    "BMQ-NEG-12",
    statement="Strings of an identity should be printable; the broker complains in its log at most.",
    expectation="A process name of control characters and bytes that are no UTF-8 is accepted.",
    proves=("NEG-14", "BER-6"),
)
def test_unprintable_identity(wire: Wire) -> None:
    peer = wire.peer().connect()
    name = b"\x1b[2J\r\n\x00\xff\xfe"
    body = bytes.fromhex("3080 a080 a080 800101 820101") + b"\x83" + bytes([len(name)]) + name
    payload = pad(body + bytes(6))
    peer.send(event_header(EventType.CONTROL, len(payload)) + payload)
    assert peer.read_broker_response().result.category == StatusCategory.E_SUCCESS


@case(
    "BMQ-NEG-13",
    statement="The broker does not look at an identity's protocolVersion; its tooling says 999999.",
    expectation="0, 2 and 999999 are accepted; the answer says 1.",
    proves=("NEG-13",),
)
def test_protocol_version(wire: Wire) -> None:
    for version in (0, 2, 999_999):
        peer = wire.peer(f"version {version}").connect()
        answer = peer.negotiate(identity(protocol_version=version))
        assert answer.result.category == StatusCategory.E_SUCCESS, version
        assert answer.protocol_version == 1


@case(
    "BMQ-NEG-14",
    statement="A broker that serves neither proxies nor members of its cluster refuses them.",
    expectation="With a clusterName, and the node ids -1 and 0: E_REFUSED, then the close.",
    grade="should",
    expects_strict_from=STRICT_TARGETS,
    proves=("NEG-17",),
)
def test_brokers_are_refused(wire: Wire) -> None:
    for node_id in (-1, 0):
        peer = wire.peer(f"node {node_id}").connect()
        who = identity(
            client_type=ClientType.E_TCPBROKER, cluster_name="local", cluster_node_id=node_id
        )
        peer.send(control_event(NegotiationMessage(choice=who)))
        try:
            answer = peer.read_broker_response()
        except ClosedError:
            non_strict("a broker is not answered before its connection is closed")
        if answer.result.category == StatusCategory.E_SUCCESS:
            non_strict(f"a broker is let in as node {node_id}")
        assert answer.result.category == StatusCategory.E_REFUSED, answer.result
        peer.expect_closed()


@case(
    "BMQ-NEG-15",
    statement="The brokerResponse tells how clients are watched.",
    expectation="heartbeatIntervalMs 1234 and maxMissedHeartbeats 7, where the configuration says "
    "so.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("NEG-18",),
)
def test_heartbeats_are_told(wire: Wire, fresh_target: Target) -> None:
    start_anew(fresh_target, "bmqbrkrcfg.json", set_heartbeats(1234, 7))
    answer = wire.peer(target=fresh_target).start()
    assert (answer.heartbeat_interval_ms, answer.max_missed_heartbeats) == (1234, 7)


@case(
    "BMQ-NEG-16",
    statement="Features that the broker does not know mean nothing to it.",
    expectation="An identity with an encoding, a name and a value of ours beside the known ones is "
    "accepted, answered in BER, and its session works.",
    proves=("FEAT-4",),
)
def test_unknown_features(wire: Wire, queue_uri: str) -> None:
    peer = wire.peer().connect()
    features = "PROTOCOL_ENCODING:XML,BER;GAUNTLET:ONE,TWO;MPS:MESSAGE_PROPERTIES_EX,MORE"
    assert _answer_encoding(peer, features, Encoding.BER) == Encoding.BER
    peer.open(queue_uri, read=True, write=True)
    peer.configure()
    guids = peer.post(b"to myself")
    assert [push.guid for push in peer.take_pushes(1)] == guids
    peer.confirm(*guids)
