"""The handshake: who a client is, and what it can do.

::

    authenticationRequest ─> verdict ─(delay)─> response ─> clientIdentity ─> brokerResponse
    clientIdentity ─> verdict on the anonymous credential ─(delay)─> brokerResponse
    later: authenticationRequest ─> verdict ─(delay)─> response      the session goes on meanwhile

A verdict may take time. What a client sends before it is let in waits behind it, within limits
[AUTH-9], and everybody else is served [AUTH-10]; a client that goes away meanwhile is forgotten, and
a stop waits for nobody [AUTH-11].

Who is refused is told so, if it has asked, and is closed by a `PeerError` [AUTH-6, AUTH-20].
"""

from __future__ import annotations

from typing import NamedTuple

from reference_broker.base import Instant, PeerError, milliseconds
from reference_broker.base.limits import EVENT_BYTES_MAX, HANDSHAKE_EVENT_BYTES_MAX
from reference_broker.core.context import Context
from reference_broker.core.state import Phase, Session
from reference_broker.ports import Severity
from reference_broker.security import Authentication, Authenticators, Verdict
from reference_broker.session import HeartbeatMonitor, negotiate
from reference_broker.wire import Event, EventType, Features
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    Encoding,
    NegotiationMessage,
    decode_message,
    print_message,
)
from reference_broker.wire.control_event import control_event


class _Pending(NamedTuple):
    """A verdict that the peer must wait for.

    Attributes:
        due: until when.
        verdict: the verdict.
        encoding: for the response; None for a client that has not asked.
        identity: what to go on with, for a client that has not asked.
    """

    due: Instant
    verdict: Verdict
    encoding: Encoding | None
    identity: NegotiationMessage | None


class Handshake:
    """Let clients in.

    Args:
        context: the step's surroundings.
        authenticators: who decides.
    """

    def __init__(self, context: Context, authenticators: Authenticators) -> None:
        self._context = context
        self._authenticators = authenticators
        self._pending: dict[Session, _Pending] = {}
        #: When sessions must have authenticated again.
        self._expiries: dict[Session, Instant] = {}
        #: When to call `look` at the latest; None for never.
        self.next_look: Instant | None = None

    def handle(self, session: Session, event: Event) -> None:
        """Take an event of a session that is not negotiated yet.

        An authentication may come first [AUTH-1], and once [AUTH-7]; then the identity.

        Raises:
            PeerError: the client is not let in: it is a stranger where strangers are turned away
                [AUTH-21], or this is something else [NEG-5], or cannot be read [NEG-6].
        """
        if event.type == EventType.AUTHENTICATION and session.authentication is None:
            request = _request(event)
            verdict = self._authenticators.judge(request.mechanism, request.data or b"")
            self._begin(session, verdict, Encoding(event.encoding), None)
            return
        if event.type != EventType.CONTROL:
            raise PeerError(f"{event} before the session is negotiated")
        message = decode_message(NegotiationMessage, event.encoding, event.body)
        if session.authentication is not None:
            self._negotiate(session, message)
            return
        stranger = self._authenticators.judge_stranger()
        if stranger is None:
            raise PeerError(
                "Anonymous credential is disallowed, cannot negotiate without authentication."
            )
        self._begin(session, stranger, None, message)

    def reauthenticate(self, session: Session, event: Event) -> None:
        """Take an authentication event of an established session.

        Like the peer, ignore it from a client that did not authenticate before [AUTH-27], and while
        an earlier one waits for its answer.

        Raises:
            PeerError: the client is not who it was.
        """
        request = _request(event)
        before = session.authentication
        assert before is not None, f"{session} was let in unseen"
        if before.is_implicit or session in self._pending:
            reason = "did not authenticate before" if before.is_implicit else "awaits its answer"
            text = f"{session}: authentication request ignored: the client {reason}"
            self._context.note(Severity.WARN, text)
            return
        before.check_mechanism(request.mechanism)
        verdict = self._authenticators.judge(request.mechanism, request.data or b"")
        self._begin(session, before.renewed(verdict), Encoding(event.encoding), None)

    def forget(self, session: Session) -> None:
        """Forget a session whose connection is closed."""
        self._pending.pop(session, None)
        self._expiries.pop(session, None)

    def look(self) -> list[tuple[Session, str]]:
        """Do what is due.

        Returns:
            Sessions that may go on with what they have sent meanwhile, each with an empty text;
            and sessions to give up, each with the reason, such as a lifetime that is over
            [AUTH-28].
        """
        now = self._context.now
        outcomes: list[tuple[Session, str]] = []
        for session, pending in [item for item in self._pending.items() if item[1].due <= now]:
            del self._pending[session]
            if session.ignores_input():
                continue
            was_open = session.phase is Phase.OPEN
            session.is_loading = session.is_loading and was_open
            reason = self._finish_late(session, pending)
            if reason or not was_open:
                outcomes.append((session, reason))
        for session in [session for session, at in self._expiries.items() if at <= now]:
            del self._expiries[session]
            if not session.ignores_input():
                outcomes.append((session, "no reauthentication within the lifetime of the last"))
        dues = [pending.due for pending in self._pending.values()]
        self.next_look = min([*dues, *self._expiries.values()], default=None)
        return outcomes

    # Authentication.

    def _begin(
        self,
        session: Session,
        verdict: Verdict,
        encoding: Encoding | None,
        identity: NegotiationMessage | None,
    ) -> None:
        due = Instant(self._context.now + milliseconds(verdict.delay_ms))
        pending = _Pending(due, verdict, encoding, identity)
        if not verdict.delay_ms:
            self._finish(session, pending)
            return
        self._pending[session] = pending
        self._look_by(due)
        if session.phase is Phase.HANDSHAKE:
            session.is_loading = True

    def _finish_late(self, session: Session, pending: _Pending) -> str:
        """Do what was put off; returns why to give the session up, or nothing."""
        try:
            self._finish(session, pending)
        except PeerError as error:
            return str(error)
        return ""

    def _finish(self, session: Session, pending: _Pending) -> None:
        """Tell the peer the verdict, in the encoding of its request [AUTH-2], and act on it."""
        verdict, encoding = pending.verdict, pending.encoding
        if encoding is not None:
            answer = AuthenticationMessage(choice=verdict.response())
            event = control_event(answer, encoding, EventType.AUTHENTICATION)
            self._context.send(session, event)
        if not verdict.is_accepted:
            raise PeerError(verdict.message)
        is_implicit = encoding is None
        session.authentication = Authentication(verdict.mechanism, verdict.principal, is_implicit)
        if pending.identity is not None:
            self._negotiate(session, pending.identity)
            return
        text = f"{session}: authenticated as {verdict.principal}"
        self._context.note(Severity.INFO, text, mechanism=verdict.mechanism)
        if verdict.lifetime_ms is not None:
            expiry = Instant(self._context.now + milliseconds(verdict.lifetime_ms))
            self._expiries[session] = expiry
            self._look_by(expiry)

    def _look_by(self, instant: Instant) -> None:
        self.next_look = min(self.next_look or instant, instant)

    # Negotiation.

    def _negotiate(self, session: Session, message: NegotiationMessage) -> None:
        context = self._context
        identity, acceptance = negotiate(
            message.choice, session.peer, context.facts, session.number
        )
        text = (
            f"Handle negotiation message received from '{session.peer}': {print_message(identity)}"
        )
        context.note(Severity.INFO, text)
        session.identity = identity
        session.kind = acceptance.kind
        features = Features.parse(identity.features)
        session.encoding = Encoding.JSON if features.wants_json else Encoding.BER
        context.send_control(session, NegotiationMessage(choice=acceptance.response))
        if acceptance.is_established:
            session.phase = Phase.OPEN
            session.reader.event_bytes_max = EVENT_BYTES_MAX
            session.makes_guids = bool(identity.guid_info.client_id)
            session.reads_new_properties = features.message_properties_ex
        if acceptance.close_reason:
            raise PeerError(acceptance.close_reason)
        interval = milliseconds(context.facts.heartbeat_interval_ms)
        misses_max = context.facts.heartbeat_misses_max
        session.heartbeat = HeartbeatMonitor(context.now, interval, misses_max)
        context.note(Severity.INFO, f"{session}: negotiated", features=identity.features)


def _request(event: Event) -> AuthenticationRequest:
    """Return the request in an event; raises `PeerError` if there is none [AUTH-8]."""
    size = event.end - event.start
    if size > HANDSHAKE_EVENT_BYTES_MAX:
        rule = f"at most {HANDSHAKE_EVENT_BYTES_MAX} are accepted"
        raise PeerError(f"an authentication event of {size} bytes, but {rule}")
    message = decode_message(AuthenticationMessage, event.encoding, event.body)
    if not isinstance(message.choice, AuthenticationRequest):
        name = type(message.choice).__name__
        raise PeerError(f"authentication: an authenticationRequest is expected, not {name}")
    return message.choice
