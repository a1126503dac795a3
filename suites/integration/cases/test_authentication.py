"""BMQ-AUTH: who is let in."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from reference_broker.wire import EventType
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    AuthenticationResponse,
    BrokerResponse,
    Encoding,
    NegotiationMessage,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from suites.harness.target import Capability, Target, TargetError, TargetSpec
from suites.integration.actor import Actor
from suites.integration.case import CaseInfo, case, case_family, non_strict
from suites.integration.connections import Wire
from suites.integration.raw import identity

_LIFECYCLE: Final = (Capability.LIFECYCLE,)
_LIFETIME_MS: Final = 600_000
#: How long nothing must come until it is taken for lost, and how long a stop may take, in seconds.
_LOST_S: Final = 2.0
_STOP_S: Final = 5.0
_JANE: Final = b"jane:secret"
_USERS: Final = {
    "name": "BasicAuthenticator",
    "settings": [
        {"key": "jane", "value": {"stringVal": "secret"}},
        {"key": "joe", "value": {"stringVal": "sesame"}},
    ],
}
_DISALLOW: Final[dict[str, Any]] = {"disallow": {}}


def _slow(delay_ms: int) -> dict[str, Any]:
    settings = [{"key": "sleepTimeMs", "value": {"intVal": delay_ms}}]
    return {"name": "TestAuthenticator", "settings": settings}


def _credential(mechanism: str, who: str) -> dict[str, Any]:
    return {"credential": {"mechanism": mechanism, "identity": who}}


@contextlib.contextmanager
def _target_with(spec: TargetSpec, *plugins: Any, anonymous: Any = None) -> Iterator[Target]:
    """Return a target of our own that has these authenticators."""
    section: dict[str, Any] = {"authenticators": list(plugins), "minThreads": 1, "maxThreads": 8}
    if anonymous is not None:
        section["anonymousCredential"] = anonymous
    with Target(spec, app_config={"authentication": section}) as target:
        yield target


@pytest.fixture(scope="module")
def guarded(target_spec: TargetSpec) -> Iterator[Target]:
    """A target that knows two users, and tests nobody's patience; cases leave it as it is."""
    with _target_with(target_spec, _USERS, _slow(0)) as target:
        yield target


def _request(mechanism: str, data: bytes | None, encoding: Encoding = Encoding.BER) -> bytes:
    message = AuthenticationMessage(choice=AuthenticationRequest(mechanism=mechanism, data=data))
    return control_event(message, encoding, EventType.AUTHENTICATION)


def _answer(peer: Actor, encoding: Encoding = Encoding.BER) -> AuthenticationResponse:
    event = peer.read_event()
    assert event.type == EventType.AUTHENTICATION, event
    assert event.encoding == encoding, "the answer is in the encoding of the request"
    answer = decode_message(AuthenticationMessage, event.encoding, event.body).choice
    assert isinstance(answer, AuthenticationResponse), answer
    return answer


def _authenticate(
    peer: Actor, mechanism: str, data: bytes | None = None, encoding: Encoding = Encoding.BER
) -> AuthenticationResponse:
    peer.send(_request(mechanism, data, encoding))
    return _answer(peer, encoding)


def _let_in(peer: Actor, mechanism: str, data: bytes | None = None) -> None:
    answer = _authenticate(peer, mechanism, data)
    assert answer.status.category == StatusCategory.E_SUCCESS, answer.status


def _refuse(peer: Actor, mechanism: str, data: bytes | None, code: int, message: str) -> None:
    status = _authenticate(peer, mechanism, data).status
    assert status.category == StatusCategory.E_REFUSED, status
    assert (status.code, status.message) == (code, message)
    peer.expect_closed()


def _negotiate(peer: Actor) -> None:
    assert peer.negotiate().result.category == StatusCategory.E_SUCCESS


def _turn_away(peer: Actor) -> None:
    """A peer that negotiates without authenticating is closed without an answer."""
    peer.connect()
    peer.send(control_event(NegotiationMessage(choice=identity())))
    peer.expect_closed()


@case(
    "BMQ-AUTH-1",
    statement="Without authenticators configured every client is let in anonymously; mechanism "
    "names compare without case, and answers use the request's encoding.",
    expectation="`anonymous` succeeds in BER and in JSON, without a lifetime; negotiation follows.",
    needs=(Capability.CONFIGURED,),
    proves=("AUTH-1", "AUTH-2", "AUTH-3", "AUTH-12", "JSON-1"),
)
def test_anonymous_authentication(wire: Wire) -> None:
    for encoding in Encoding:
        peer = wire.peer(encoding.name).connect()
        answer = _authenticate(peer, "anonymous", encoding=encoding)
        assert answer.status.category == StatusCategory.E_SUCCESS
        assert answer.lifetime_ms is None
        _negotiate(peer)


@case(
    "BMQ-AUTH-2",
    statement="A mechanism that is not configured is refused, and the connection closed.",
    expectation="E_REFUSED with code -2, then the close.",
    needs=(Capability.CONFIGURED,),
    proves=("AUTH-4", "AUTH-6"),
)
def test_unknown_mechanism(wire: Wire) -> None:
    peer = wire.peer().connect()
    message = "Authentication mechanism 'BASIC' not supported."
    _refuse(peer, "BASIC", b"user:password", -2, message)


@case(
    "BMQ-AUTH-3",
    statement="A user of BasicAuthenticator is let in with name and password, split at the first "
    "colon, whatever the case of the mechanism.",
    expectation="`basic`, `BASIC` and `BaSiC` succeed in BER and in JSON, with a lifetime of "
    "600000 ms; negotiation follows.",
    needs=_LIFECYCLE,
    proves=("AUTH-1", "AUTH-2", "AUTH-3", "AUTH-13", "JSON-3"),
)
def test_basic_authentication(wire: Wire, guarded: Target) -> None:
    for mechanism in ("basic", "BASIC", "BaSiC"):
        for encoding in Encoding:
            peer = wire.peer(f"{mechanism} {encoding.name}", target=guarded).connect()
            answer = _authenticate(peer, mechanism, _JANE, encoding)
            assert answer.status.category == StatusCategory.E_SUCCESS
            assert answer.lifetime_ms == _LIFETIME_MS
            _negotiate(peer)


@case(
    "BMQ-AUTH-4",
    statement="Credentials that are wrong, or no credentials of that mechanism at all, are refused "
    "with the reason, and the connection is closed.",
    expectation="E_REFUSED with code -11 for a wrong password, an unknown user and data without a "
    "colon; code -2 for a mechanism that nobody serves; then the close.",
    needs=_LIFECYCLE,
    proves=("AUTH-4", "AUTH-5", "AUTH-6", "AUTH-13", "AUTH-14"),
)
def test_wrong_credentials(wire: Wire, guarded: Target) -> None:
    wrong = "Invalid username or password for user '{}'"
    for data, reason in (
        (b"jane:sesame", wrong.format("jane")),
        (b"nemo:secret", wrong.format("nemo")),
        (b"jane", "Invalid authentication payload format. Expected 'username:password'"),
        (None, "Invalid authentication payload format. Expected 'username:password'"),
    ):
        peer = wire.peer(f"{data!r}", target=guarded).connect()
        prefix = "Failed to authenticate with mechanism 'BASIC'. (rc = -1). Detailed error: "
        _refuse(peer, "BASIC", data, -11, prefix + reason)
    peer = wire.peer("OAuth", target=guarded).connect()
    message = "Authentication mechanism 'OAUTH' not supported."
    _refuse(peer, "OAuth", b"token", -2, message)


@case(
    "BMQ-AUTH-5",
    statement="Where authenticators are configured and nothing is said of anonymous clients, they "
    "are let in as before.",
    expectation="A client that negotiates at once, and one that asks for ANONYMOUS, get a session.",
    needs=_LIFECYCLE,
    proves=("AUTH-17", "AUTH-18"),
)
def test_anonymous_beside_basic(wire: Wire, guarded: Target) -> None:
    _negotiate(wire.peer("silent", target=guarded).connect())
    peer = wire.peer("asks", target=guarded).connect()
    _let_in(peer, "ANONYMOUS")
    _negotiate(peer)


@case(
    "BMQ-AUTH-6",
    statement="A client authenticates again inside its session, with the same mechanism and as the "
    "same user.",
    expectation="Success with a lifetime again, and the session goes on.",
    needs=_LIFECYCLE,
    proves=("AUTH-23",),
)
def test_reauthentication(wire: Wire, guarded: Target, queue_uri: str) -> None:
    peer = wire.peer(target=guarded).connect()
    _let_in(peer, "BASIC", _JANE)
    _negotiate(peer)
    answer = _authenticate(peer, "BASIC", _JANE)
    assert answer.status.category == StatusCategory.E_SUCCESS
    assert answer.lifetime_ms == _LIFETIME_MS
    peer.open(queue_uri, read=True)


@case(
    "BMQ-AUTH-7",
    statement="A client that fails to authenticate again loses its connection.",
    expectation="A wrong password: E_REFUSED with code -11; another user: E_REFUSED with code -1; "
    "then the close. Another mechanism: the close without an answer.",
    needs=_LIFECYCLE,
    proves=("AUTH-24", "AUTH-25", "AUTH-26"),
)
def test_reauthentication_fails(wire: Wire, guarded: Target) -> None:
    for data, code, message in (
        (
            b"jane:wrong",
            -11,
            (
                "Failed to authenticate with mechanism 'BASIC'. (rc = -1)."
                " Detailed error: Invalid username or password for user 'jane'"
            ),
        ),
        (b"joe:sesame", -1, "Principal cannot change during reauthentication"),
    ):
        peer = wire.peer(f"{data!r}", target=guarded).connect()
        _let_in(peer, "BASIC", _JANE)
        _negotiate(peer)
        _refuse(peer, "BASIC", data, code, message)
    peer = wire.peer("other mechanism", target=guarded).connect()
    _let_in(peer, "BASIC", _JANE)
    _negotiate(peer)
    peer.send(_request("TEST", b""))
    peer.expect_closed()


@case(
    "BMQ-AUTH-8",
    statement="Authentication is the first packet of a connection or none.",
    expectation="A second request before the identity: the close without an answer.",
    needs=(Capability.CONFIGURED,),
    proves=("AUTH-7",),
)
def test_authentication_twice(wire: Wire) -> None:
    peer = wire.peer().connect()
    _let_in(peer, "ANONYMOUS")
    peer.send(_request("ANONYMOUS", None))
    peer.expect_closed()


@case(
    "BMQ-AUTH-9",
    statement="Where the anonymous credential is disallowed, a client must authenticate.",
    expectation="Negotiating at once: the close without an answer. ANONYMOUS: E_REFUSED with code "
    "-2. A user with the right password gets a session.",
    needs=_LIFECYCLE,
    proves=("AUTH-21", "AUTH-22"),
)
def test_anonymous_disallowed(wire: Wire, target_spec: TargetSpec) -> None:
    with _target_with(target_spec, _USERS, anonymous=_DISALLOW) as target:
        _turn_away(wire.peer("silent", target=target))
        peer = wire.peer("anonymous", target=target).connect()
        message = "Authentication mechanism 'ANONYMOUS' not supported."
        _refuse(peer, "ANONYMOUS", None, -2, message)
        peer = wire.peer("jane", target=target).connect()
        _let_in(peer, "BASIC", _JANE)
        _negotiate(peer)


@case(
    "BMQ-AUTH-10",
    statement="A client that does not authenticate is authenticated with the anonymous credential "
    "of the configuration.",
    expectation="With a right credential it gets a session; and so does one that authenticates "
    "itself.",
    needs=_LIFECYCLE,
    proves=("AUTH-19",),
)
def test_anonymous_credential(wire: Wire, target_spec: TargetSpec) -> None:
    anonymous = _credential("Basic", "jane:secret")
    with _target_with(target_spec, _USERS, anonymous=anonymous) as target:
        _negotiate(wire.peer("silent", target=target).connect())
        peer = wire.peer("joe", target=target).connect()
        _let_in(peer, "BASIC", b"joe:sesame")
        _negotiate(peer)


def _nobody_enters(
    number: int, title: str, *plugins: Any, anonymous: Any, proves: tuple[str, ...]
) -> tuple[CaseInfo, tuple[tuple[Any, ...], Any]]:
    info = CaseInfo(
        id=f"BMQ-AUTH-{number}",
        title=title,
        statement="A client that does not authenticate, and whose anonymous credential does not "
        "hold, is not answered.",
        expectation=f"{title}: negotiating at once closes the connection without an answer.",
        needs=_LIFECYCLE,
        proves=proves,
    )
    return info, (plugins, anonymous)


#: A boolean may be written as a string.
_REJECT: Final = {
    "name": "AnonAuthenticator",
    "settings": [{"key": "shouldPass", "value": {"boolVal": "false"}}],
}


@case_family(
    "section",
    [
        _nobody_enters(
            11,
            "a wrong password",
            _USERS,
            anonymous=_credential("Basic", "jane:x"),
            proves=("AUTH-20",),
        ),
        _nobody_enters(
            12,
            "shouldPass is false",
            _REJECT,
            anonymous=_credential("ANONYMOUS", ""),
            proves=("AUTH-15", "AUTH-20"),
        ),
        _nobody_enters(
            13, "disallowed, and nothing else is said", anonymous=_DISALLOW, proves=("AUTH-21",)
        ),
    ],
)
def test_stranger_is_turned_away(
    wire: Wire, target_spec: TargetSpec, section: tuple[tuple[Any, ...], Any]
) -> None:
    plugins, anonymous = section
    with _target_with(target_spec, *plugins, anonymous=anonymous) as target:
        _turn_away(wire.peer(target=target))


def _contradiction(
    number: int, title: str, *plugins: Mapping[str, Any], proves: str, anonymous: Any = None
) -> tuple[CaseInfo, tuple[tuple[Any, ...], Any]]:
    info = CaseInfo(
        id=f"BMQ-AUTH-{number}",
        title=title,
        statement="A configuration of authentication that contradicts itself is refused at the "
        "start.",
        expectation=f"{title}: the broker ends with an exit code other than 0 before it listens.",
        needs=_LIFECYCLE,
        proves=(proves, "FILE-2"),
    )
    return info, (plugins, anonymous)


_ANON: Final = {"name": "AnonAuthenticator", "settings": []}


@case_family(
    "section",
    [
        _contradiction(14, "two authenticators of one mechanism", _ANON, _REJECT, proves="AUTH-29"),
        _contradiction(
            15,
            "the anonymous credential's mechanism has no authenticator",
            _USERS,
            anonymous=_credential("OAuth", "token"),
            proves="AUTH-30",
        ),
        _contradiction(
            16,
            "AnonAuthenticator is listed without an anonymous credential",
            _ANON,
            proves="AUTH-31",
        ),
        _contradiction(
            17, "an authenticator that does not exist", {"name": "Kerberos"}, proves="AUTH-32"
        ),
    ],
)
def test_contradiction_is_refused(
    target_spec: TargetSpec, section: tuple[tuple[Any, ...], Any]
) -> None:
    plugins, anonymous = section
    with (
        pytest.raises(TargetError, match=r"ended with exit code -?[1-9]"),
        _target_with(target_spec, *plugins, anonymous=anonymous),
    ):
        pass


@case(
    "BMQ-AUTH-18",
    statement="An authenticator may take its time; what a client sends behind its request waits.",
    expectation="TestAuthenticator with sleepTimeMs 100: the answer comes after 100 ms, with a "
    "lifetime of 600000 ms, and an identity that was sent at once is answered after it.",
    needs=_LIFECYCLE,
    proves=("AUTH-9", "AUTH-16"),
)
def test_slow_authentication(wire: Wire, target_spec: TargetSpec) -> None:
    with _target_with(target_spec, _slow(100)) as target:
        peer = wire.peer(target=target).connect()
        started = time.monotonic()
        negotiation = control_event(NegotiationMessage(choice=identity()))
        peer.send(_request("TEST", b"") + negotiation)
        answer = _answer(peer)
        assert time.monotonic() - started >= 0.1
        assert answer.status.category == StatusCategory.E_SUCCESS
        assert answer.lifetime_ms == _LIFETIME_MS
        event = peer.poll_event(peer.timeout_s if target_spec.is_ours else _LOST_S)
        if event is None:
            non_strict("what a client sends behind its authentication request is lost")
        hello = decode_message(NegotiationMessage, event.encoding, event.body).choice
        assert isinstance(hello, BrokerResponse), hello
        assert hello.result.category == StatusCategory.E_SUCCESS


@case(
    "BMQ-AUTH-19",
    statement="A client that goes away during a slow authentication harms nobody.",
    expectation="sleepTimeMs 10000: one client drops meanwhile, another waits; others get "
    "sessions at once, and a stop neither waits for them nor fails.",
    needs=_LIFECYCLE,
    proves=("AUTH-10", "AUTH-11"),
)
def test_drop_during_authentication(wire: Wire, target_spec: TargetSpec) -> None:
    with _target_with(target_spec, _slow(10_000)) as target:
        for name in ("drops", "waits"):
            peer = wire.peer(name, target=target).connect()
            peer.send(_request("TEST", b""))
            if name == "drops":
                peer.crash()
        _negotiate(wire.peer("other", target=target).connect())
        started = time.monotonic()
        assert target.stop() == 0
        took = time.monotonic() - started
        if took >= _STOP_S and not target_spec.is_ours:
            non_strict("a stop waits for authentications that are under way")
        assert took < _STOP_S


@case(
    "BMQ-AUTH-20",
    statement="Many clients may authenticate at the same time.",
    expectation="Sixteen requests are sent before the first answer is read; each is answered.",
    needs=_LIFECYCLE,
    proves=("AUTH-10",),
)
def test_concurrent_authentication(wire: Wire, guarded: Target) -> None:
    peers = [wire.peer(f"peer {number}", target=guarded).connect() for number in range(16)]
    for peer in peers:
        peer.send(_request("BASIC", _JANE))
    for peer in peers:
        assert _answer(peer).status.category == StatusCategory.E_SUCCESS
    for peer in peers:
        _negotiate(peer)
