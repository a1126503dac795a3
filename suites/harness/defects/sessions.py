"""Defects of a session's life: negotiation, authentication, the requests about queues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed_copy
from typing import Any, Final

from reference_broker.base import Instant, OperatorError, PeerError
from reference_broker.core import broker, handshake
from reference_broker.core.handshake import Handshake
from reference_broker.core.state import Session
from reference_broker.security import Authenticators, Verdict
from reference_broker.security import authenticators as authenticators_module
from reference_broker.security.builtin import AnonAuthenticator, BasicAuthenticator, RefusedError
from reference_broker.security.builtin import TestAuthenticator as SlowAuthenticator
from reference_broker.security.verdict import Authentication
from reference_broker.session import SessionKind
from reference_broker.session import negotiation as negotiation_module
from reference_broker.wire import EventType
from reference_broker.wire.control import (
    AdminCommand,
    ClientIdentity,
    ClientType,
    ControlMessage,
    NegotiationMessage,
    Status,
    StatusCategory,
    decode_message,
)
from suites.harness.defects.doors import after, before, defect, door, rebound, replace, wrap

_READ_COUNT_MAX: Final = 1000


# Negotiation.


def _change_identity(change: Callable[[Any], Any]) -> None:
    wrap(
        handshake,
        "negotiate",
        lambda judge: lambda identity, *rest: judge(change(identity), *rest),
    )


def _change_response(change: Callable[[Any], Any]) -> None:
    def answer(outcome: Any, *_: Any) -> Any:
        identity, acceptance = outcome
        return identity, acceptance._replace(response=change(acceptance.response))

    after(handshake, "negotiate", answer)


@defect("session", "NEG")
def heartbeats_told_are_the_usual_ones() -> None:
    """The brokerResponse tells 3000 ms and 10 misses, whatever is configured."""
    _change_response(
        lambda response: changed_copy(
            response, heartbeat_interval_ms=3000, max_missed_heartbeats=10
        )
    )


@defect("session", "NEG")
def unknown_features_end_the_session() -> None:
    """A client with a feature that the broker does not know is refused."""

    def look(identity: Any, *_: Any) -> None:
        if "GAUNTLET" in getattr(identity, "features", ""):
            raise PeerError(f"features {identity.features!r} are not known")

    before(handshake, "negotiate", look)


@defect("session", "BAD NEG AUTH")
def anybody_is_let_in() -> None:
    """Whoever sends anything but an identity gets a session as an unknown client."""

    def make(handle: Callable[..., None]) -> Callable[..., None]:
        def lenient(self: Handshake, session: Session, event: Any) -> None:
            try:
                handle(self, session, event)
            except PeerError:
                unknown = ClientIdentity(protocol_version=1, client_type=ClientType.E_TCPCLIENT)
                session.authentication = Authentication("ANONYMOUS", "anonymous", is_implicit=True)
                self._negotiate(session, NegotiationMessage(choice=unknown))

        return lenient

    wrap(Handshake, "handle", make)


@defect("session", "NEG")
def old_sdk_welcome() -> None:
    """No SDK is too old."""
    replace(handshake, "negotiate", rebound(negotiation_module.negotiate, _SDK_VERSIONS={}))


@defect("session", "NEG")
def sdk_versions_off_by_one() -> None:
    """The minimum and recommended SDK versions themselves count as too old."""
    versions = door(negotiation_module, "_SDK_VERSIONS")
    higher = {language: (low + 1, high + 1) for language, (low, high) in versions.items()}
    replace(handshake, "negotiate", rebound(negotiation_module.negotiate, _SDK_VERSIONS=higher))


@defect("session", "NEG")
def unknown_client_type_accepted() -> None:
    """A client that does not say what it is gets a session."""

    def known(identity: Any) -> Any:
        is_unknown = getattr(identity, "client_type", None) is ClientType.E_UNKNOWN
        return (
            changed_copy(identity, client_type=ClientType.E_TCPCLIENT) if is_unknown else identity
        )

    _change_identity(known)


@defect("session", "NEG SDK")
def features_not_announced() -> None:
    """The broker does not say what it can do."""

    def silent(response: Any) -> Any:
        return changed_copy(
            response, broker_identity=changed_copy(response.broker_identity, features="")
        )

    _change_response(silent)


@defect("session", "NEG")
def protocol_version_echoed() -> None:
    """The broker's answer repeats the protocol version of the client."""
    heard: list[int] = []

    def look(identity: Any, *_: Any) -> None:
        heard[:] = [getattr(identity, "protocol_version", 1)]

    before(handshake, "negotiate", look)
    _change_response(lambda response: changed_copy(response, protocol_version=heard[0] + 1))


@defect("session", "NEG")
def protocol_version_checked() -> None:
    """A client whose identity says another protocol version than 1 is turned away."""

    def look(identity: Any, *_: Any) -> None:
        if getattr(identity, "protocol_version", 1) != 1:
            raise PeerError("another protocol version")

    before(handshake, "negotiate", look)


@defect("session", "NEG")
def names_required() -> None:
    """A client that does not say its process name is turned away."""

    def look(identity: Any, *_: Any) -> None:
        if not getattr(identity, "process_name", "x"):
            raise PeerError("no process name")

    before(handshake, "negotiate", look)


@defect("session", "NEG")
def names_must_be_printable() -> None:
    """A client whose process name is not printable is turned away."""

    def look(identity: Any, *_: Any) -> None:
        if not getattr(identity, "process_name", "x").isprintable():
            raise PeerError("a name that cannot be printed")

    before(handshake, "negotiate", look)


@defect("session", "NEG")
def encoding_of_the_identity() -> None:
    """Answers come in the encoding of the client's identity, whatever its features say."""
    sending = door(handshake, "Features")
    heard: list[int] = []

    class Lenient(sending):  # type: ignore[misc, valid-type]
        @property
        def wants_json(self) -> bool:
            return heard[-1] == 1

    def look(_: Handshake, __: Session, event: Any) -> None:
        heard.append(event.encoding)

    before(Handshake, "handle", look)
    replace(handshake, "Features", Lenient)


@defect("session", "NEG")
def encoding_always_first_choice() -> None:
    """A client that lists JSON is answered in JSON, even if it lists BER before it."""
    known = door(handshake, "Features")

    class Eager(known):  # type: ignore[misc, valid-type]
        @property
        def wants_json(self) -> bool:
            return "JSON" in self.encodings

    replace(handshake, "Features", Eager)


@defect("session", "PUSH")
def properties_feature_ignored() -> None:
    """Every client is taken to know new-style properties."""

    def set_up(_: None, __: Handshake, session: Session, *___: Any) -> None:
        session.reads_new_properties = True

    after(Handshake, "_negotiate", set_up)


@defect("session", "PUT")
def guid_feature_ignored() -> None:
    """Every client is taken to make GUIDs."""

    def set_up(_: None, __: Handshake, session: Session, *___: Any) -> None:
        session.makes_guids = True

    after(Handshake, "_negotiate", set_up)


@defect("session", "ADMIN")
def admin_session_is_a_client() -> None:
    """An admin session can open queues and post like any other."""

    def look(self: broker.Broker, session: Session, event: Any) -> None:
        del self
        if session.kind is SessionKind.ADMIN:
            body = event.body if event.type == EventType.CONTROL else b""
            is_command = b"HELP" in body or b"DOMAIN" in body or b"CLUSTER" in body
            session.kind = SessionKind.ADMIN if is_command else SessionKind.CLIENT

    def back(_: None, __: broker.Broker, session: Session, *___: Any) -> None:
        if session.identity is not None:
            session.kind = negotiation_module._kind(session.identity)

    before(broker.Broker, "_event", look)
    after(broker.Broker, "_event", back)


@defect("session", "ADMIN")
def clients_may_command() -> None:
    """An ordinary client's admin command is executed."""

    def make(take: Callable[..., None]) -> Callable[..., None]:
        def lenient(self: broker.Broker, session: Session, event: Any) -> None:
            if event.type == EventType.CONTROL and session.kind is SessionKind.CLIENT:
                message = decode_message(ControlMessage, event.encoding, event.body)
                if isinstance(message.choice, AdminCommand):
                    self._admin.request(session, message.r_id or 0, message.choice.command)
                    return
            take(self, session, event)

        return lenient

    wrap(broker.Broker, "_request", make)


# Authentication.


def _accept(verdict: Verdict) -> Verdict:
    if verdict.is_accepted:
        return verdict
    return Verdict(mechanism=verdict.mechanism, principal="anybody", lifetime_ms=600_000)


@defect("security", "AUTH")
def any_password() -> None:
    """A user gets in with any password."""

    def lenient(self: BasicAuthenticator, data: bytes) -> str:
        user, colon, _ = data.partition(b":")
        if not colon or user not in self._passwords:
            raise RefusedError("Invalid username or password")
        return f"BASIC_USER-{user.decode()}"

    replace(BasicAuthenticator, "identify", lenient)


@defect("security", "AUTH")
def empty_password_for_unknown_user() -> None:
    """A user that nobody knows gets in."""

    def make(identify: Callable[..., str]) -> Callable[..., str]:
        def lenient(self: BasicAuthenticator, data: bytes) -> str:
            user = data.partition(b":")[0]
            if b":" in data and user not in self._passwords:
                return f"BASIC_USER-{user.decode()}"
            return identify(self, data)

        return lenient

    wrap(BasicAuthenticator, "identify", make)


@defect("security", "AUTH")
def unknown_mechanism_accepted() -> None:
    """An authentication by a mechanism that nobody serves succeeds."""

    def lenient(verdict: Verdict, _: Authenticators, *__: Any) -> Verdict:
        return _accept(verdict) if verdict.code == -2 else verdict

    after(Authenticators, "judge", lenient)


@defect("security", "AUTH")
def mechanism_case_matters() -> None:
    """The name of a mechanism must be written in capitals."""
    replace(authenticators_module, "normalized", lambda mechanism: mechanism)


@defect("security", "AUTH")
def anonymous_mechanism_refused() -> None:
    """A client that asks for ANONYMOUS is refused, though strangers are let in."""

    def strict(verdict: Verdict, _: Authenticators, mechanism: str, *__: Any) -> Verdict:
        if mechanism.upper() != "ANONYMOUS" or not verdict.is_accepted:
            return verdict
        return Verdict(mechanism=mechanism, code=-11, message="not anonymous")

    def stranger(verdict: Any, self: Authenticators) -> Any:
        del self
        is_anonymous = verdict is not None and verdict.mechanism == "ANONYMOUS"
        return Verdict(mechanism="ANONYMOUS", principal="anonymous") if is_anonymous else verdict

    after(Authenticators, "judge", strict)
    after(Authenticators, "judge_stranger", stranger)


@defect("security", "AUTH")
def strangers_always_pass() -> None:
    """A client that does not authenticate gets in, whatever is configured."""
    anonymous = Verdict(mechanism="ANONYMOUS", principal="anonymous")
    replace(Authenticators, "judge_stranger", lambda _: anonymous)


@defect("security", "AUTH")
def strangers_never_pass() -> None:
    """A client that does not authenticate is turned away where authenticators are configured."""

    def strict(verdict: Any, self: Authenticators) -> Any:
        return None if self.mechanisms != ("ANONYMOUS",) else verdict

    after(Authenticators, "judge_stranger", strict)


@defect("security", "AUTH")
def should_pass_ignored() -> None:
    """AnonAuthenticator lets everybody in, whatever its setting shouldPass says."""
    replace(AnonAuthenticator, "identify", lambda _, __: "anonymous")


@defect("security", "AUTH")
def lifetime_not_told() -> None:
    """The answer to an authentication does not say how long it holds."""
    after(
        Verdict,
        "response",
        lambda answer, *_: changed_copy(answer, lifetime_ms=None),
    )


@defect("security", "AUTH")
def refusal_without_reason() -> None:
    """A refused authentication is answered without a code and a text."""

    def silent(answer: Any, *_: Any) -> Any:
        if answer.status.category is StatusCategory.E_SUCCESS:
            return answer
        return changed_copy(answer, status=Status(answer.status.category, 0, ""))

    after(Verdict, "response", silent)


@defect("security", "AUTH")
def principal_may_change() -> None:
    """A client that authenticates again may do so as somebody else."""
    replace(Authentication, "renewed", lambda _, verdict: verdict)


@defect("security", "AUTH")
def mechanism_may_change() -> None:
    """A client that authenticates again may do so by another mechanism."""
    replace(Authentication, "check_mechanism", lambda _, __: None)


@defect("security", "AUTH")
def reauthentication_unanswered() -> None:
    """A client that authenticates again inside its session gets no answer."""
    replace(Handshake, "reauthenticate", lambda *_: None)


@defect("security", "BAD AUTH")
def reauthentication_by_anybody() -> None:
    """A client that came in unauthenticated may authenticate inside its session."""

    def look(_: Handshake, session: Session, __: Any) -> None:
        assert session.authentication is not None
        session.authentication = changed_copy(session.authentication, is_implicit=False)

    before(Handshake, "reauthenticate", look)


@defect("security", "AUTH BAD")
def authentication_twice() -> None:
    """A client may authenticate again before it has said who it is."""

    def look(_: Handshake, session: Session, event: Any) -> None:
        if event.type == EventType.AUTHENTICATION:
            session.authentication = None

    before(Handshake, "handle", look)


@defect("security", "AUTH")
def authenticator_answers_at_once() -> None:
    """An authenticator that is to take its time answers at once."""
    _set_delay(0)


def _set_delay(delay_ms: int) -> None:
    def set_up(_: None, self: SlowAuthenticator, *__: Any) -> None:
        self.delay_ms = delay_ms

    after(SlowAuthenticator, "__init__", set_up)


@defect("security", "AUTH")
def one_authentication_at_a_time() -> None:
    """While one client authenticates nobody else is let in, and a stop waits for it too."""
    busy: dict[Handshake, Instant] = {}

    def look(self: Handshake, session: Session, *_: Any) -> None:
        del session
        until = max([pending.due for pending in self._pending.values()], default=None)
        if until is not None:
            busy[self] = until

    def make(begin: Callable[..., None]) -> Callable[..., None]:
        def queued(self: Handshake, session: Session, verdict: Verdict, *rest: Any) -> None:
            wait = busy.get(self, Instant(0)) - self._context.now
            if wait > 0:
                verdict = changed_copy(verdict, delay_ms=verdict.delay_ms + wait // 1_000_000)
            begin(self, session, verdict, *rest)

        return queued

    wrap(Handshake, "_begin", make)
    before(Handshake, "handle", look)


@defect("security", "AUTH")
def second_authentication_in_a_second_dropped() -> None:
    """Of the clients that authenticate within 50 ms only the first is answered."""
    last: list[int] = []

    def make(handle: Callable[..., None]) -> Callable[..., None]:
        def busy(self: Handshake, session: Session, event: Any) -> None:
            now = self._context.now
            if event.type == EventType.AUTHENTICATION and last and now - last[0] < 50_000_000:
                raise PeerError("busy")
            if event.type == EventType.AUTHENTICATION:
                last[:] = [now]
            handle(self, session, event)

        return busy

    wrap(Handshake, "handle", make)


@defect("config", "AUTH")
def contradictions_accepted() -> None:
    """A configuration of authentication that contradicts itself is not refused."""

    def make(from_config: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(config: Any) -> Any:
            try:
                return from_config(config)
            except OperatorError:
                return Authenticators({"ANONYMOUS": AnonAuthenticator()}, None)

        return lenient

    wrap(Authenticators, "from_config", make)
