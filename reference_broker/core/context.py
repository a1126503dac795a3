"""One step's surroundings: the clock readings, the effects so far and what must be flushed.

Effects leave in this order: what was asked of the log, one sync for all of it, what is sent, and
closes last. A session's chunks gather in its outbox during the step, so that one step sends each
peer one piece.
"""

from __future__ import annotations

from reference_broker.base import GuidGenerator, Instant
from reference_broker.core.state import DomainEntry, Outgoing, Phase, QueueEntry, Session
from reference_broker.ports import Close, Effect, Log, Send, Severity
from reference_broker.session import BrokerFacts
from reference_broker.storage import PartitionLog
from reference_broker.wire import EventType
from reference_broker.wire.control import ControlChoice, ControlMessage
from reference_broker.wire.control_event import EventMessage, control_event


class Context:
    """What the parts of the core share.

    Args:
        facts: what the broker says of itself.
        log: where file-backed queues write.
        guids: for producers that make none.
    """

    def __init__(self, facts: BrokerFacts, log: PartitionLog, guids: GuidGenerator) -> None:
        self.facts = facts
        self.log = log
        self.guids = guids
        self.now = Instant(0)
        self.wall_ns = 0
        self.is_stopping = False
        self.sessions: dict[int, Session] = {}
        self.domains: dict[str, DomainEntry] = {}
        self.queues: dict[str, QueueEntry] = {}
        #: Queues that may have something to deliver, in order; values mean nothing.
        self.dirty: dict[QueueEntry, None] = {}
        self.last_token = 0  # of the last sync asked for
        self.durable_token = 0  # of the last sync that is done
        self._effects: list[Effect] = []
        self._closing: list[Close] = []
        self._senders: dict[int, Session] = {}
        self._wants_sync = False

    # During a step.

    def begin(self, now: Instant, wall_ns: int) -> None:
        """Start a step."""
        assert now >= self.now, f"time goes backwards: {now} after {self.now}"
        self.now = now
        self.wall_ns = wall_ns
        self._effects = []

    def add(self, *effects: Effect) -> None:
        """Ask for effects, in order."""
        self._effects += effects

    def note(self, severity: Severity, message: str, **fields: str | int) -> None:
        """Tell the operator something."""
        self._effects.append(Log(severity, message, tuple(fields.items())))

    def send(self, session: Session, *chunks: bytes, is_durable: bool = False) -> None:
        """Queue bytes for a session, behind what was queued before.

        Args:
            session: to whom.
            chunks: to join.
            is_durable: they must not leave before everything logged so far is durable.
        """
        outbox = session.outbox
        if outbox and outbox[-1].is_durable is is_durable:
            outbox[-1].chunks.extend(chunks)
        else:
            outbox.append(Outgoing(list(chunks), is_durable))
        self._senders[session.connection] = session

    def want_sync(self) -> None:
        """Ask for a sync at the end of the step."""
        self._wants_sync = True

    def answer(self, session: Session, r_id: int, choice: ControlChoice) -> None:
        """Answer a request."""
        self.send_control(session, ControlMessage(r_id=r_id, choice=choice))

    def send_control(
        self, session: Session, message: EventMessage, event_type: EventType = EventType.CONTROL
    ) -> None:
        """Send a control message in the session's encoding."""
        self.send(session, control_event(message, session.encoding, event_type))

    def close(self, session: Session, reason: str) -> None:
        """Close a connection after what was sent has left; its input is ignored from now on."""
        if session.phase is not Phase.PARTED:
            session.phase = Phase.PARTED
            self._closing.append(Close(session.connection, reason))

    # The end of a step.

    def finish(self) -> list[Effect]:
        """Return the effects of the step."""
        effects = self._effects
        if self._wants_sync:
            self._wants_sync = False
            self.last_token += 1
            effects += self.log.sync(self.last_token)
        after = self.last_token if self.last_token > self.durable_token else 0
        for session in self._senders.values():
            for chunks, is_durable in session.outbox:
                effects.append(Send(session.connection, chunks, after if is_durable else 0))
            session.outbox = []
        self._senders.clear()
        effects += self._closing
        self._closing.clear()
        self._effects = []
        return effects
