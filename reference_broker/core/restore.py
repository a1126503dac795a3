"""Recovery: from the log's records back to queues.

The log is replayed at once, into plain dictionaries; the queues themselves come into being when
their domain's configuration is known. A queue whose domain cannot be loaded keeps its messages in
the log until somebody opens it and the configuration is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_broker.base import PeerError, QueueUri
from reference_broker.core.context import Context
from reference_broker.core.control import ControlDesk
from reference_broker.core.state import DomainEntry
from reference_broker.ports import LoadDomain, Severity, TruncateFile
from reference_broker.queue import Message
from reference_broker.storage import (
    ConfirmRecord,
    PutRecord,
    QueueRecord,
    StorageCorruptionError,
    recover_log,
)
from reference_broker.wire import FLAG_MESSAGE_PROPERTIES, iter_puts


@dataclass(slots=True)
class _Remains:
    """What the log says of one queue."""

    uri: QueueUri
    messages: dict[bytes, Message] = field(default_factory=dict)
    confirmed: dict[bytes, None] = field(default_factory=dict)
    ordinal: int = 0


class Restorer:
    """Bring back what the log holds.

    Args:
        context: of the core; its log is replaced by the one found.
        control: makes the queues.
        segment_bytes_max: for the log that goes on.
    """

    def __init__(self, context: Context, control: ControlDesk, segment_bytes_max: int) -> None:
        self._context = context
        self._control = control
        self._segment_bytes_max = segment_bytes_max
        self._remains: dict[int, _Remains] = {}

    def replay(self, segments: tuple[tuple[str, bytes], ...]) -> None:
        """Read the log and ask for the domains of the queues in it.

        Raises:
            StorageCorruptionError: the log is damaged in a way that no crash explains.
        """
        context = self._context
        recovered = recover_log(0, segments, self._segment_bytes_max)
        context.log = recovered.log
        if recovered.cut is not None:
            name, size, reason = recovered.cut
            context.add(TruncateFile(name, size))
            text = f"log file {name}: unfinished end cut off at byte {size}: {reason}"
            context.note(Severity.WARN, text)
        for segment, body in recovered.entries:
            match body:
                case QueueRecord(number, uri):
                    self._remains.setdefault(number, _Remains(uri))
                case PutRecord():
                    self._replay_puts(segment, body)
                case ConfirmRecord():
                    self._replay_confirms(body)
        self._control.reserve_queue_numbers(max(self._remains, default=0))
        domains = dict.fromkeys(r.uri.qualified_domain for r in self._remains.values())
        context.add(*(LoadDomain(name) for name in domains))
        messages = sum(len(remains.messages) for remains in self._remains.values())
        text = f"recovered {messages} messages in {len(self._remains)} queues from the log"
        context.note(Severity.INFO, text, records=context.log.next_index - 1)

    def _queue(self, number: int) -> _Remains:
        if number not in self._remains:
            raise StorageCorruptionError(
                f"the log speaks of queue {number} but never introduces it"
            )
        return self._remains[number]

    def _replay_puts(self, segment: int, body: PutRecord) -> None:
        remains = self._queue(body.queue_number)
        live = self._context.log.segments[segment - self._context.log.segments[0].number]
        data = body.messages
        try:
            for put in iter_puts(data, 0, len(data)):
                flags, compression, _, guid, _, schema, _, start, end, message_end, _ = put
                remains.messages[guid] = (
                    guid,
                    flags & FLAG_MESSAGE_PROPERTIES,
                    compression << 16 | schema,
                    data[start:message_end],
                    end - start,
                    remains.ordinal,
                    segment,
                )
                remains.ordinal += 1
                live.live += 1
        except PeerError as error:
            raise StorageCorruptionError(f"a stored message of {remains.uri}: {error}") from error

    def _replay_confirms(self, body: ConfirmRecord) -> None:
        remains = self._queue(body.queue_number)
        gone = [remains.messages.pop(guid, None) for guid in body.guids]
        remains.confirmed.update(dict.fromkeys(body.guids))
        self._context.log.release([message[6] for message in gone if message is not None])

    def domain_loaded(self, name: str, domain: DomainEntry) -> None:
        """Make the queues of a domain whose configuration has come.

        Args:
            name: the name in the queues' URIs; a redirect's configuration has another.
            domain: the configuration.
        """
        for number, remains in list(self._remains.items()):
            if remains.uri.qualified_domain != name:
                continue
            del self._remains[number]
            entry = self._control.create_queue(remains.uri, domain, number)
            entry.queue.restore(
                list(remains.messages.values()), list(remains.confirmed), self._context.now
            )
            text = f"queue {remains.uri} recovered with {len(remains.messages)} messages"
            self._context.note(Severity.INFO, text)
