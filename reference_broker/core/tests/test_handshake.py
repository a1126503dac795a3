"""Who is let in, as whom, and for how long."""

from __future__ import annotations

import pytest

from reference_broker.base import Instant, limits, milliseconds, seconds
from reference_broker.config import AuthenticationConfig, Credential, PluginConfig
from reference_broker.core.tests.pair import Wire, World, control_event, identity_of
from reference_broker.ports import Stop
from reference_broker.security import Authenticators
from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, EventType
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    AuthenticationResponse,
    BrokerResponse,
    ClientType,
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    Encoding,
    NegotiationMessage,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.control_event import control_event as whole_event

USERS = (("jane", "secret"), ("joe", "sesame"))
BASIC = PluginConfig(name="BasicAuthenticator", settings=USERS)
NOBODY = PluginConfig(name="AnonAuthenticator", settings=(("shouldPass", False),))
LIFETIME_S = 600


def slow(delay_ms: int) -> PluginConfig:
    return PluginConfig(name="TestAuthenticator", settings=(("sleepTimeMs", delay_ms),))


def world_of(
    *authenticators: PluginConfig, anonymous: Credential | None = None, disallows: bool = False
) -> World:
    config = AuthenticationConfig(
        authenticators=authenticators,
        anonymous_credential=anonymous,
        disallows_anonymous=disallows,
    )
    return World(authenticators=Authenticators.from_config(config))


def request(mechanism: str, data: bytes | None = None, encoding: Encoding = Encoding.BER) -> bytes:
    message = AuthenticationMessage(choice=AuthenticationRequest(mechanism=mechanism, data=data))
    return whole_event(message, encoding, EventType.AUTHENTICATION)


def answer(wire: Wire, encoding: Encoding = Encoding.BER) -> AuthenticationResponse:
    (event,) = wire.events()
    assert (event.type, event.encoding) == (EventType.AUTHENTICATION, encoding)
    choice = decode_message(AuthenticationMessage, event.encoding, event.body).choice
    assert isinstance(choice, AuthenticationResponse)
    return choice


def accepted(wire: Wire, mechanism: str, data: bytes | None = None) -> AuthenticationResponse:
    wire.send(request(mechanism, data))
    response = answer(wire)
    assert response.status.category is StatusCategory.E_SUCCESS
    return response


def refused(wire: Wire, mechanism: str, data: bytes | None = None) -> int:
    """Ask to be let in and be refused; returns the code."""
    wire.send(request(mechanism, data))
    response = answer(wire)
    assert response.status.category is StatusCategory.E_REFUSED
    assert response.lifetime_ms is None
    assert (wire.is_closed, wire.close_reason) == (True, response.status.message)
    return response.status.code


def is_open(wire: Wire) -> bool:
    return wire.number in wire.world.wires


def is_alive(wire: Wire) -> bool:
    wire.take()
    wire.send(HEARTBEAT_REQUEST)
    return wire.take() == HEARTBEAT_RESPONSE


def jane(world: World) -> Wire:
    """Return a session that has authenticated itself."""
    wire = world.connect()
    accepted(wire, "BASIC", b"jane:secret")
    assert isinstance(wire.negotiate(), BrokerResponse)
    return wire


def let_in_slowly(world: World, delay_s: float) -> Wire:
    """Return a session that a slow authenticator has let in."""
    wire = world.connect()
    wire.send(request("TEST"))
    world.advance(delay_s)
    assert answer(wire).status.category is StatusCategory.E_SUCCESS
    assert isinstance(wire.negotiate(), BrokerResponse)
    return wire


# The first authentication.


def test_without_configuration_anonymous_is_let_in():
    wire = World().connect()
    assert accepted(wire, "anonymous").lifetime_ms is None
    assert isinstance(wire.negotiate(), BrokerResponse)


def test_without_configuration_no_other_mechanism_exists():
    assert refused(World().connect(), "BASIC", b"jane:secret") == -2


def test_a_user_is_let_in_for_ten_minutes():
    world = world_of(BASIC)
    wire = world.connect()
    assert accepted(wire, "Basic", b"jane:secret").lifetime_ms == LIFETIME_S * 1000
    assert isinstance(wire.negotiate(), BrokerResponse)
    assert any("authenticated as BASIC_USER-jane" in line for line in world.logs())


@pytest.mark.parametrize("data", [None, b"", b"jane", b"jane:sesame", b"nemo:secret"])
def test_wrong_credentials_are_refused_and_closed(data: bytes | None):
    assert refused(world_of(BASIC).connect(), "BASIC", data) == -11


def test_the_answer_has_the_encoding_of_the_request():
    wire = world_of(BASIC).connect()
    wire.send(request("BASIC", b"jane:secret", Encoding.JSON))
    assert answer(wire, Encoding.JSON).status.category is StatusCategory.E_SUCCESS
    assert isinstance(wire.negotiate(), BrokerResponse)


def test_authentication_comes_only_as_the_first_packet():
    wire = World().connect()
    accepted(wire, "ANONYMOUS")
    wire.send(request("ANONYMOUS"))
    assert (wire.is_closed, wire.take()) == (True, b"")


def test_only_a_request_is_an_authentication():
    wire = World().connect()
    message = AuthenticationMessage(choice=AuthenticationResponse())
    wire.send(whole_event(message, Encoding.BER, EventType.AUTHENTICATION))
    assert (wire.is_closed, wire.take()) == (True, b"")
    assert "an authenticationRequest is expected" in wire.close_reason


# Clients that do not authenticate.


def test_a_stranger_is_anonymous_where_users_are_listed():
    assert isinstance(world_of(BASIC).connect().negotiate(), BrokerResponse)


def test_a_stranger_may_be_a_user():
    credential = Credential(mechanism="basic", identity="jane:secret")
    world = world_of(BASIC, anonymous=credential)
    wire = world.session()
    world.advance(2 * LIFETIME_S)  # nobody expects it to authenticate again
    assert is_alive(wire)


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (world_of(BASIC, disallows=True), "Anonymous credential is disallowed, cannot negotiate"),
        (world_of(disallows=True), "Anonymous credential is disallowed, cannot negotiate"),
        (
            world_of(BASIC, anonymous=Credential(mechanism="BASIC", identity="jane:x")),
            "Invalid username or password for user 'jane'",
        ),
        (
            world_of(NOBODY, anonymous=Credential(mechanism="ANONYMOUS", identity="")),
            "Authentication rejected by AnonAuthenticator",
        ),
    ],
    ids=["disallowed", "disallowed alone", "wrong credential", "nobody passes"],
)
def test_a_stranger_is_turned_away_without_an_answer(world: World, reason: str):
    wire = world.connect()
    wire.send(control_event(NegotiationMessage(choice=identity_of())))
    assert (wire.is_closed, wire.take()) == (True, b"")
    assert reason in wire.close_reason


# Authenticating again.


def test_a_session_may_authenticate_again_as_the_same():
    wire = jane(world_of(BASIC))
    assert accepted(wire, "basic", b"jane:secret").lifetime_ms == LIFETIME_S * 1000
    assert is_alive(wire)


def test_authenticating_again_with_another_mechanism_closes_without_an_answer():
    wire = jane(world_of(BASIC, slow(0)))
    wire.send(request("TEST"))
    assert (wire.is_closed, wire.take()) == (True, b"")
    assert "Authentication mechanism mismatch" in wire.close_reason


def test_authenticating_again_as_somebody_else_is_refused_and_closed():
    wire = jane(world_of(BASIC))
    assert refused(wire, "BASIC", b"joe:sesame") == -1
    assert wire.close_reason == "Principal cannot change during reauthentication"


def test_failing_to_authenticate_again_is_refused_and_closed():
    assert refused(jane(world_of(BASIC)), "BASIC", b"jane:wrong") == -11


def test_who_did_not_authenticate_before_is_not_heard():
    world = world_of(BASIC)
    wire = world.session()
    wire.send(request("BASIC", b"jane:secret"))
    assert wire.take() == b""
    assert is_alive(wire)
    assert any("did not authenticate before" in line for line in world.logs())


def test_an_authentication_is_as_small_in_a_session_as_before():
    wire = jane(world_of(BASIC))
    wire.send(request("BASIC", b"jane:" + bytes(limits.HANDSHAKE_EVENT_BYTES_MAX)))
    assert (wire.is_closed, wire.take()) == (True, b"")


def test_who_does_not_authenticate_again_is_closed_after_the_lifetime():
    world = world_of(BASIC)
    wire = jane(world)
    world.advance(LIFETIME_S / 2)
    accepted(wire, "BASIC", b"jane:secret")
    world.advance(LIFETIME_S - 1)
    assert is_alive(wire)
    world.advance(1)
    assert wire.is_closed
    assert "no reauthentication" in wire.close_reason


def test_who_has_gone_has_no_lifetime():
    world = world_of(BASIC)
    jane(world).close()
    wire = jane(world)
    wire.request(Disconnect())
    world.advance(LIFETIME_S)
    assert is_open(wire)  # it said goodbye: the peer closes
    wire.close()
    assert world.broker._handshake._expiries == {}


# Authenticators that take their time.


def test_a_slow_answer_comes_when_it_is_due_and_not_before():
    world = world_of(slow(100))
    wire = world.connect()
    wire.send(request("TEST"))
    assert world.broker.next_deadline() == world.now + milliseconds(100)
    world.advance(0.099)
    assert wire.take() == b""
    world.advance(0.001)
    response = answer(wire)
    assert response.status.category is StatusCategory.E_SUCCESS
    assert response.lifetime_ms == LIFETIME_S * 1000
    assert isinstance(wire.negotiate(), BrokerResponse)


@pytest.mark.parametrize("is_cut", [False, True])
def test_what_is_sent_behind_a_slow_authentication_waits_for_it(*, is_cut: bool):
    world = world_of(slow(100))
    wire = world.connect()
    chunks = [request("TEST"), control_event(NegotiationMessage(choice=identity_of()))]
    chunks.append(control_event(ControlMessage(r_id=1, choice=Disconnect())))
    data = b"".join(chunks)
    wire.send(*([data[i : i + 1] for i in range(len(data))] if is_cut else [data]))
    assert wire.take() == b""
    world.advance(0.1)
    kinds = [event.type for event in wire.events()]
    assert kinds == [EventType.AUTHENTICATION, EventType.CONTROL, EventType.CONTROL]


def test_a_slow_anonymous_credential_puts_off_the_negotiation():
    world = world_of(slow(100), anonymous=Credential(mechanism="TEST", identity=""))
    wire = world.connect()
    wire.send(
        control_event(NegotiationMessage(choice=identity_of())),
        control_event(ControlMessage(r_id=1, choice=Disconnect())),
    )
    assert wire.take() == b""
    world.advance(0.1)
    hello, goodbye = wire.events()
    answer_to_identity = decode_message(NegotiationMessage, hello.encoding, hello.body).choice
    assert isinstance(answer_to_identity, BrokerResponse)
    message = decode_message(ControlMessage, goodbye.encoding, goodbye.body)
    assert message.choice == DisconnectResponse()


def test_rubbish_behind_a_slow_authentication_closes_when_it_is_read():
    world = world_of(slow(100))
    wire = world.connect()
    wire.send(request("TEST"), bytes(8))
    assert is_open(wire)
    world.advance(0.1)
    assert answer(wire).status.category is StatusCategory.E_SUCCESS
    assert wire.is_closed


def test_a_bad_identity_is_noticed_after_the_slow_credential():
    world = world_of(slow(100), anonymous=Credential(mechanism="TEST", identity=""))
    wire = world.connect()
    wire.send(
        control_event(NegotiationMessage(choice=identity_of(client_type=ClientType.E_UNKNOWN)))
    )
    world.advance(0.1)
    assert (wire.is_closed, wire.take()) == (True, b"")


def test_what_waits_behind_a_slow_authentication_is_bounded():
    world = world_of(slow(100))
    wire = world.connect()
    wire.send(request("TEST"), bytes(limits.HANDSHAKE_EVENT_BYTES_MAX))
    assert is_open(wire)
    wire.send(b"\0")
    assert wire.is_closed
    assert str(limits.HANDSHAKE_EVENT_BYTES_MAX) in wire.close_reason


def test_others_are_served_during_a_slow_authentication():
    world = world_of(BASIC, slow(10_000))
    world.connect().send(request("TEST"))
    assert is_alive(jane(world))
    assert is_alive(world.session())


def test_who_goes_away_during_a_slow_authentication_is_forgotten():
    world = world_of(slow(10_000))
    wire = world.connect()
    wire.send(request("TEST"))
    wire.close()
    assert world.broker._handshake._pending == {}
    world.advance(20)
    assert wire.take() == b""
    assert is_alive(world.session())


def test_a_stop_does_not_wait_for_a_slow_authentication():
    world = world_of(slow(10_000))
    wire = world.connect()
    wire.send(request("TEST"))
    world.step(Stop())
    assert world.has_stopped()
    assert (wire.is_closed, wire.take()) == (True, b"")


def test_an_authentication_slower_than_a_handshake_may_be_is_given_up():
    world = world_of(slow(1000 * limits.HANDSHAKE_SECONDS_MAX + 1000))
    wire = world.connect()
    wire.send(request("TEST"))
    world.advance(limits.HANDSHAKE_SECONDS_MAX)
    assert (wire.is_closed, wire.take()) == (True, b"")


def test_a_session_goes_on_while_it_authenticates_again_and_is_heard_once():
    world = world_of(slow(100))
    wire = let_in_slowly(world, 0.1)
    wire.send(request("TEST"), request("TEST"))
    assert is_alive(wire)
    world.advance(0.1)
    assert answer(wire).status.category is StatusCategory.E_SUCCESS
    assert any("awaits its answer" in line for line in world.logs())
    assert is_alive(wire)


def test_a_slow_authentication_leaves_a_waiting_open_alone():
    world = world_of(slow(100))
    wire = let_in_slowly(world, 0.1)
    (session,) = world.broker._context.sessions.values()
    wire.send(request("TEST"))
    session.is_loading = True  # as an open request does whose domain is being read
    wire.send(HEARTBEAT_REQUEST)
    world.advance(0.1)
    assert answer(wire).status.category is StatusCategory.E_SUCCESS
    assert session.is_loading
    assert bytes(session.held_bytes) == HEARTBEAT_REQUEST


def test_a_lifetime_that_runs_out_during_authentication_has_run_out():
    world = world_of(slow(1000))
    wire = let_in_slowly(world, 1)
    world.advance(LIFETIME_S - 0.5)
    wire.send(request("TEST"))
    world.advance(1)
    assert (wire.is_closed, wire.take()) == (True, b"")


def test_deadlines_are_those_of_the_handshakes():
    world = world_of(BASIC)
    start = world.now
    wire = world.connect()
    accepted(wire, "BASIC", b"jane:secret")
    limit = Instant(start + seconds(limits.HANDSHAKE_SECONDS_MAX))
    assert world.broker.next_deadline() == limit
    assert world.broker._handshake.next_look == start + seconds(LIFETIME_S)


def test_the_operator_hears_of_refusals():
    world = world_of(BASIC)
    wire = world.connect()
    refused(wire, "BASIC", b"jane:wrong")
    lines = [line for line in world.logs() if "Invalid username or password" in line]
    assert lines
    assert not any("wrong" in line for line in lines), "passwords are no log lines"
