"""Admin sessions: the operator on a client's port, and on the pipe."""

from __future__ import annotations

import pytest

from reference_broker.core import AdminSettings
from reference_broker.core.tests.pair import (
    Wire,
    World,
    control_event,
    identity_of,
)
from reference_broker.core.tests.shapes import (
    configure_request,
    confirms,
    kinds,
    open_request,
    puts,
    writer_of,
)
from reference_broker.ports import AdminCommand, AdminResult
from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, EventType, event_header
from reference_broker.wire.control import AdminCommand as Request
from reference_broker.wire.control import (
    AdminCommandResponse,
    BrokerResponse,
    ClientType,
    ControlMessage,
    Disconnect,
    Encoding,
    NegotiationMessage,
    StatusCategory,
    decode_message,
)

#: What the peer's test harness sends.
HARNESS = (
    b'{"clientIdentity": {"protocolVersion": 999999, "sdkVersion": 999999, "clientType": '
    b'"E_TCPADMIN", "processName": "fuzztest", "pid": 0, "sessionId": 1, "hostName": "localhost", '
    b'"features": "PROTOCOL_ENCODING:JSON", "clusterName": "", "clusterNodeId": -1, '
    b'"sdkLanguage": "E_CPP", "guidInfo": {"clientId": "fuzztest", "nanoSecondsFromEpoch": 0}, '
    b'"userAgent": ""}}'
)


def json_event(text: bytes) -> bytes:
    size = 4 - len(text) % 4
    return event_header(EventType.CONTROL, len(text) + size, 0x20) + text + bytes([size]) * size


def admin(world: World, encoding: Encoding = Encoding.BER) -> Wire:
    wire = world.connect()
    features = f"PROTOCOL_ENCODING:{encoding.name}"
    answer = wire.negotiate(identity_of(client_type=ClientType.E_TCPADMIN, features=features))
    assert isinstance(answer, BrokerResponse)
    assert answer.result.category is StatusCategory.E_SUCCESS
    return wire


def ask(wire: Wire, command: str, r_id: int = 7, encoding: Encoding = Encoding.BER) -> str:
    """Return the text that answers a command."""
    wire.send(control_event(ControlMessage(r_id=r_id, choice=Request(command)), encoding))
    (event,) = wire.events()
    assert (event.type, event.encoding) == (EventType.CONTROL, encoding)
    message = decode_message(ControlMessage, event.encoding, event.body)
    assert message.r_id == r_id
    assert isinstance(message.choice, AdminCommandResponse)
    return message.choice.text


# On the wire.


def test_the_peers_harness_is_served_in_json():
    world = World()
    wire = world.connect()
    wire.send(json_event(HARNESS))
    (hello,) = wire.events()
    assert hello.encoding == Encoding.JSON
    answer = decode_message(NegotiationMessage, hello.encoding, hello.body).choice
    assert isinstance(answer, BrokerResponse)
    assert answer.result.category is StatusCategory.E_SUCCESS
    command = b'{"rId": 0, "adminCommand": {"command": "DOMAINS DOMAIN test.mem PURGE"}}'
    wire.send(json_event(command))
    data = wire.take()
    text = b'{"rId":0,"adminCommandResponse":{"text":"No queue purged."}}'
    assert data == json_event(text)


@pytest.mark.parametrize("encoding", [Encoding.BER, Encoding.JSON])
def test_a_command_is_answered_in_the_encoding_of_the_session(encoding: Encoding):
    wire = admin(World(), encoding)
    assert ask(wire, "CLUSTERS CLUSTER local STATUS", encoding=encoding).startswith("Cluster (")
    assert ask(wire, "DOMAINS DOMAIN zz PURGE", 0, encoding) == "Domain 'zz' doesn't exist"


def test_a_command_that_is_none_is_answered_with_the_reason():
    wire = admin(World())
    text = ask(wire, "NO SUCH THING")
    assert text.startswith("Unable to decode command (rc: -1, error: '")
    assert not wire.is_closed


def test_answers_are_told_to_the_operator():
    world = World()
    ask(admin(world), "DOMAINS DOMAIN test.mem PURGE")
    (line,) = [text for text in world.logs() if "Send response message" in text]
    assert line.endswith(
        "Send response message: [ rId = 7 choice = [ adminCommandResponse = [ text = "
        '"No queue purged." ] ] ]'
    )
    world.admin("DOMAINS DOMAIN test.mem PURGE")
    assert sum("Send response message" in text for text in world.logs()) == 1


def test_commands_of_two_sessions_and_the_pipe_wait_for_one_file_in_their_order():
    world = World()
    first, second = admin(world), admin(world)
    world.loads_domains = False
    first.send(
        control_event(ControlMessage(r_id=1, choice=Request("DOMAINS DOMAIN test.mem PURGE")))
    )
    world.step(AdminCommand(9, "CLUSTERS LIST"))
    second.send(control_event(ControlMessage(r_id=2, choice=Request("HELP"))))
    assert (first.take(), second.take()) == (b"", b"")
    world.load_pending()
    order = [type(e).__name__ for e in world.journal[-4:] if type(e).__name__ != "Log"]
    assert kinds(first.events()) == kinds(second.events()) == ["CONTROL"]
    assert "AdminResult" in order


def test_a_session_that_goes_while_its_command_waits_is_forgotten():
    world = World()
    wire, other = admin(world), admin(world)
    world.loads_domains = False
    wire.send(
        control_event(ControlMessage(r_id=1, choice=Request("DOMAINS DOMAIN test.mem PURGE")))
    )
    wire.close()
    world.load_pending()
    assert ask(other, "DOMAINS DOMAIN test.mem PURGE") == "No queue purged."


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.core.admin_desk.ADMIN_COMMANDS_WAITING_MAX", 2)
    world = World()
    wire = admin(world)
    world.loads_domains = False
    for _ in range(2):
        request = ControlMessage(r_id=1, choice=Request("DOMAINS DOMAIN test.mem PURGE"))
        wire.send(control_event(request))
    assert "at most 2 commands wait" in ask(wire, "HELP")


# What else an admin session may send.


@pytest.mark.parametrize(
    "data",
    [
        puts(1),
        confirms(1),
        control_event(ControlMessage(r_id=1, choice=open_request(write=1))),
        control_event(ControlMessage(r_id=1, choice=configure_request())),
        control_event(ControlMessage(r_id=1, choice=Disconnect())),
        control_event(ControlMessage(r_id=None, choice=Request("HELP"))),
    ],
    ids=["PUT", "CONFIRM", "open", "configure", "disconnect", "no id"],
)
def test_what_it_has_no_use_for_is_ignored(data: bytes):
    wire = admin(World())
    wire.send(data)
    assert (wire.take(), wire.is_closed) == (b"", False)
    assert ask(wire, "CLUSTERS LIST").startswith("The following clusters are active:")


def test_heartbeats_are_answered():
    wire = admin(World())
    wire.send(HEARTBEAT_REQUEST)
    assert wire.take() == HEARTBEAT_RESPONSE


def test_rubbish_closes_it():
    wire = admin(World())
    wire.send(bytes(8))
    assert wire.is_closed


def test_a_client_is_no_operator():
    world = World()
    wire = writer_of(world)
    wire.send(
        control_event(ControlMessage(r_id=1, choice=Request("DOMAINS DOMAIN test.mem PURGE")))
    )
    assert (wire.take(), wire.is_closed) == (b"", False)


# The pipe.


@pytest.mark.parametrize(
    ("command", "rc", "begins"),
    [
        ("CLUSTERS LIST", 0, "The following clusters are active:"),
        ('{"help": {}}', 0, "This process responds"),
        ("clusters   list", 0, "The following clusters are active:"),
        ("DOMAINS DOMAIN zz PURGE", -2, "Domain 'zz' doesn't exist"),
        ("BOGUS", -31, "Unable to decode command (rc: -1, error: '"),
        ("", -31, "Unable to decode command (rc: -1, error: '"),
        ("{", -31, "Unable to decode command (rc: -1, error: '"),
        ("CLUSTERS LIST please", -31, "Unable to decode command (rc: -1, error: 'Unexpected trail"),
        ("ENCODING XML HELP", -31, "Unable to decode command (rc: -1, error: '"),
    ],
)
def test_the_return_code_tells_what_became_of_a_command(command: str, rc: int, begins: str):
    result = World().admin(command)
    assert result.rc == rc
    assert result.text.startswith(begins)


def test_several_commands_in_one_step():
    world = World()
    effects = world.step(*(AdminCommand(n, "CLUSTERS LIST") for n in range(5)))
    assert [e.token for e in effects if isinstance(e, AdminResult)] == [0, 1, 2, 3, 4]


def test_the_brokers_configuration_is_shown_as_it_was_given():
    world = World(admin=AdminSettings(config_json='{"a": 1}'))
    assert world.admin("BROKERCONFIG DUMP").text == '{"a": 1}'
