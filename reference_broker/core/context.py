"""One step's surroundings: the clock readings, the effects so far and what must be flushed.

Effects leave in this order: what was asked of the log, one sync for all of it, what is sent, and
closes last. A session's chunks gather in its outbox during the step, so that one step sends each
peer one piece.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import TypeAlias

from reference_broker.base import GuidGenerator, Instant, OperatorError
from reference_broker.base.limits import HOT_QUEUE_BYTES_MAX, HOT_QUEUE_BYTES_MIN
from reference_broker.config import ClusterConfig, NodeConfig
from reference_broker.core.state import DomainEntry, Outgoing, Phase, QueueEntry, Session
from reference_broker.ports import (
    Close,
    Effect,
    LoadDomain,
    Log,
    Read,
    Send,
    Severity,
    Stopped,
    Sync,
)
from reference_broker.session import BrokerFacts
from reference_broker.storage import Ledger, PartitionLog, StoredQueue
from reference_broker.wire import EventType
from reference_broker.wire.control import ControlChoice, ControlMessage
from reference_broker.wire.control_event import EventMessage, control_event

#: Takes the parts that were read, or the reason why there are none.
_Reader: TypeAlias = Callable[[tuple[bytes, ...] | OperatorError], None]


class Context:
    """What the parts of the core share.

    Args:
        facts: what the broker says of itself.
        cluster: the one that this broker is the node of.
        guids: for producers that make none.
        segment_bytes_max: size in bytes from which a log segment is closed.
        hot_bytes_max: what all queues together keep in memory of messages that the log has.
    """

    def __init__(
        self,
        facts: BrokerFacts,
        cluster: ClusterConfig,
        guids: GuidGenerator,
        segment_bytes_max: int,
        hot_bytes_max: int,
    ) -> None:
        self.facts = facts
        self.cluster = cluster
        self.guids = guids
        self._hot_bytes_max = hot_bytes_max
        partitions = range(cluster.partitions.count)
        #: One per partition, where file-backed queues write.
        self.logs = [PartitionLog(partition, segment_bytes_max) for partition in partitions]
        #: Which queues there are.
        self.ledger = Ledger(cluster.partitions.ledger_file_bytes_max)
        #: How many queues each partition has.
        self.partition_queues = [0] * cluster.partitions.count
        self.now = Instant(0)
        self.wall_ns = 0
        self.is_stopping = False
        self.sessions: dict[int, Session] = {}
        self.domains: dict[str, DomainEntry] = {}
        self.queues: dict[str, QueueEntry] = {}
        #: Queues in the log whose domain is not loaded, with their partition, by canonical URI.
        self.unclaimed: dict[str, tuple[int, StoredQueue]] = {}
        #: Queues that may have something to deliver, in order; values mean nothing.
        self.dirty: dict[QueueEntry, None] = {}
        #: Loads of domains' configurations under way, by name.
        self._loads: dict[str, int] = {}
        #: Who takes what a read brings, by its token.
        self._readers: dict[int, _Reader] = {}
        self._last_read = 0
        self._wakes: list[tuple[Instant, int, QueueEntry]] = []  # a heap
        self._wake_count = 0
        self.last_token = 0  # of the last sync asked for
        self.durable_token = 0  # of the last sync that is done
        self._effects: list[Effect] = []
        self._closing: list[Close] = []
        self._senders: dict[int, Session] = {}
        self._wants_sync = False
        self._has_stopped = False

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

    def alarm(self, category: str, text: str, *, is_panic: bool = False) -> None:
        """Tell the operator something that needs him."""
        word = "PANIC" if is_panic else "ALARM"
        self._effects.append(Log(Severity.ERROR, f"{word} [{category}] {text}"))

    def log_of(self, entry: QueueEntry) -> PartitionLog:
        """Return the log that a queue writes to."""
        return self.logs[entry.partition]

    @property
    def hot_bytes_max(self) -> int:
        """Bytes of logged messages that each queue may keep in memory."""
        share = self._hot_bytes_max // max(len(self.queues), 1)
        return min(max(share, HOT_QUEUE_BYTES_MIN), HOT_QUEUE_BYTES_MAX)

    @property
    def node(self) -> NodeConfig:
        """This broker as a node of its cluster."""
        nodes = self.cluster.nodes
        return next((node for node in nodes if node.name == self.facts.host_name), nodes[0])

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

    def wake(self, entry: QueueEntry, instant: Instant) -> None:
        """Look at a queue at an instant, although nothing happens in it."""
        if entry.wake_at is not None and self.now <= entry.wake_at <= instant:
            return  # it will be looked at before, and can ask again
        entry.wake_at = instant
        self._wake_count += 1
        heapq.heappush(self._wakes, (instant, self._wake_count, entry))

    def next_wake(self) -> Instant | None:
        """Return when the first queue is to be looked at; None if none is."""
        return self._wakes[0][0] if self._wakes else None

    def due_wakes(self) -> list[QueueEntry]:
        """Return the queues that are to be looked at now, each once."""
        due: dict[QueueEntry, None] = {}
        while self._wakes and self._wakes[0][0] <= self.now:
            entry = heapq.heappop(self._wakes)[2]
            entry.wake_at = None
            if self.queues.get(entry.queue.uri.canonical) is entry:
                due[entry] = None
        return list(due)

    def read(self, name: str, ranges: Sequence[tuple[int, int]], reader: _Reader) -> None:
        """Read parts of a log file; `reader` gets them in a later step, or why there are none.

        Args:
            name: the file.
            ranges: (offset, length) of each part.
            reader: takes the answer.
        """
        self._last_read += 1
        self._readers[self._last_read] = reader
        self.add(Read(self._last_read, name, tuple(ranges)))

    def read_done(self, token: int) -> _Reader:
        """Return who takes what the read with this token has brought."""
        return self._readers.pop(token)

    def load_domain(self, name: str) -> int:
        """Ask for a domain's configuration; returns how many answers come before this one's."""
        before = self._loads.get(name, 0)
        self._loads[name] = before + 1
        self.add(LoadDomain(name))
        return before

    def domain_loaded(self, name: str) -> None:
        """Count the answer to `load_domain`."""
        self._loads[name] -= 1
        if not self._loads[name]:
            del self._loads[name]

    def stopped(self) -> None:
        """Say at the end of the step that nothing more will be asked."""
        self._has_stopped = True

    def want_sync(self) -> None:
        """Ask for a sync at the end of the step; what must be durable leaves behind it [STORE-2]."""
        self._wants_sync = True

    def answer(self, session: Session, r_id: int, choice: ControlChoice) -> None:
        """Answer a request under its rId [CTRL-1]."""
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
            effects += self._syncs()
        after = self.last_token if self.last_token > self.durable_token else 0
        for session in self._senders.values():
            for chunks, is_durable in session.outbox:
                effects.append(Send(session.connection, chunks, after if is_durable else 0))
            session.outbox = []
        self._senders.clear()
        effects += self._closing
        self._closing.clear()
        if self._has_stopped:
            self._has_stopped = False
            effects.append(Stopped())
        self._effects = []
        return effects

    def _syncs(self) -> list[Effect]:
        """Sync every file that was written to; the last one answers for all."""
        names = [name for log in self.logs for name in log.take_unsynced()]
        names += self.ledger.take_unsynced()
        if not names:
            return []
        self.last_token += 1
        last = len(names) - 1
        return [Sync(name, self.last_token if i == last else 0) for i, name in enumerate(names)]
